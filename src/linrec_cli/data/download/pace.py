"""A lowest pace: a connection that brings too little is cut off, whether it is silent or sends a byte at a time."""

import math
import socket
import threading
import time
from contextlib import suppress

SECONDS, LEAST = 60.0, 60_000
"""In how many seconds at most so many bytes of a body must come; the way there has as long."""


class Pace:
    """Watch connections from a thread, and shut them down where they are slow.

    A timeout of their own does not do: each byte sets it back, in the head of an answer as much as in its body.
    """

    def __init__(self) -> None:
        self.slow = False
        self.bytes, self.since = 0, time.monotonic()
        self.connections: list[socket.socket] = []
        self.ended = threading.Event()

    def __enter__(self) -> "Pace":
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for connection in self.connections:
            connection.close()

    def over(self, connection: socket.socket) -> socket.socket:
        """Watch a new connection."""
        if self.slow:
            connection.close()
            raise TimeoutError
        # A copy, because what encrypts takes the connection over before it has shaken hands.
        self.connections.append(connection.dup())
        return connection

    def count(self, number: int) -> None:
        """Count bytes that came; with enough of them the time begins anew."""
        self.bytes += number
        if self.bytes >= LEAST:
            self.begin()

    def begin(self) -> None:
        """Begin the time anew."""
        self.bytes, self.since = 0, time.monotonic()

    def rest(self, seconds: float) -> None:
        """Do nothing for a time that does not count."""
        self.since = math.inf
        time.sleep(seconds)
        self.begin()

    def watch(self) -> None:
        """Shut down what is slow, until all is over."""
        while not self.ended.wait(SECONDS / 20):
            self.slow |= time.monotonic() - self.since > SECONDS
            for connection in self.connections if self.slow else ():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
