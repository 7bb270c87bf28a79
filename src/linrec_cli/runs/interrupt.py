"""Ctrl-C and SIGTERM wait until what a run holds is whole, so that it can be saved and gone on with."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from linrec_cli import processes

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Hold signals back while the block runs; outside the main thread, which alone gets them, do nothing.

    What is still held back when the block ends is raised there. Signals that were ignored before stay so. Each signal
    after the first says on stderr what is waited for.

    Attributes:
        safe: whether what is held is whole, so that a signal need not wait.
        waits: for what it does.
    """

    def __init__(self, waits: str, then: str = "") -> None:
        """Say what a signal waits for, and for what after it is raised."""
        self.waits, self.then = waits, then or waits
        self.safe = False
        self.count = 0
        self.heard: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
            self.before = {number: signal.signal(number, self.hear) for number in heeded}
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Ctrl-C last: what comes meanwhile is still noted.
        for number, handler in reversed(self.before.items()):
            signal.signal(number, handler)
        if kind is None:
            self.leave()

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Note a signal, and raise at once where that is safe."""
        self.heard = number
        self.count += 1
        if self.count > 1 and processes.rank() == 0:
            # What prints may be what was interrupted, and cannot be entered twice.
            os.write(2, f"linrec: stopping; waiting for {self.waits}.\n".encode())
        if self.safe:
            self.leave()

    def agree(self) -> None:
        """Raise, in all processes of a run at once, what one of them holds back."""
        if processes.anywhere(self.heard is not None) and self.heard is None:
            self.heard = signal.SIGTERM
        self.leave()

    def leave(self) -> None:
        """Raise what was held back, once: what comes after it cuts no saving short.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM.
        """
        number, self.heard, self.safe = self.heard, None, False
        if number is None:
            return
        self.waits = self.then
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    @contextmanager
    def free(self) -> Iterator[None]:
        """Let signals through while the block runs, and what was held back before it."""
        self.safe = True
        try:
            if self.heard is not None:
                self.leave()
            yield
        finally:
            self.safe = False
