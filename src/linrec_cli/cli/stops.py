"""Ctrl-C and SIGTERM while something is imported: torch would swallow them, or be left half loaded."""

import signal
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

TERMINATED = 143
IMPORT = "<frozen importlib._bootstrap>"


def heed(begin: CodeType) -> None:
    """Leave on SIGTERM through every `finally`, as on Ctrl-C; within an import that `begin` began, after it."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    def terminate() -> None:
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, lambda number, frame: leave(frame, begin, terminate))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: leave(frame, begin, interrupt))


def leave(frame: FrameType | None, begin: CodeType, stop: Callable[[], None]) -> None:
    """Stop, or have the line stop that comes after the import statement we are in."""
    importing = None
    while frame and frame.f_code is not begin:
        if frame.f_code.co_filename == IMPORT:
            importing = frame.f_back
        frame = frame.f_back
    if importing is None:
        stop()
        return

    def after(frame: FrameType, event: str, given: Any) -> None:
        sys.settrace(None)
        stop()

    importing.f_trace = after
    # Without one for all frames, none is heeded.
    sys.settrace(lambda *_: None)
