"""Ctrl-C and SIGTERM wait until what a run holds is whole, so that it can be saved and gone on with."""

import signal
import threading
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Hold signals back while the block runs; outside the main thread, which alone gets them, do nothing.

    Attributes:
        safe: whether what is held is whole, so that a signal need not wait.
    """

    def __init__(self) -> None:
        self.safe = False
        self.heard: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.hear) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Note a signal, and raise at once where that is safe."""
        self.heard = number
        if self.safe:
            self.leave()

    def leave(self) -> None:
        """Raise what was held back, once: what comes after it cuts no saving short.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM.
        """
        number, self.heard, self.safe = self.heard, None, False
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number is not None:
            raise SystemExit(128 + number)
