"""A server that misbehaves in every way known, each under a name; `network.py` downloads from it."""

import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

BODY = bytes(range(256)) * 4000
SIZE = len(BODY)
OK, PART, ALL = "HTTP/1.1 200 OK", "HTTP/1.1 206 Partial Content", f"Content-Length: {SIZE}"
RANGES, CHUNKED = "Accept-Ranges: bytes", "Transfer-Encoding: chunked"


class Asked(NamedTuple):
    """A request: how often this fault was met before, from which byte on, and what writes to who asked."""

    met: int
    start: int
    write: Callable[[bytes], None]
    connection: socket.socket

    def head(self, *lines: str, end: bool = True) -> None:
        """Write a head."""
        self.write(("\r\n".join(lines) + "\r\n" + "\r\n" * end).encode("latin-1"))

    def say(self, status: str, *lines: str) -> None:
        """Answer without a body."""
        self.head(f"HTTP/1.1 {status}", *lines, "Content-Length: 0")

    def serve(self, end: int | None = None, *lines: str) -> None:
        """Serve the file, or the part that was asked for; up to some byte, if the connection is to break there."""
        told = [PART, f"Content-Range: bytes {self.start}-{SIZE - 1}/{SIZE}"] if self.start else [OK]
        self.head(*told, f"Content-Length: {SIZE - self.start}", *(lines or [RANGES]))
        self.write(BODY[self.start : end])

    def repeat(self, block: bytes, pause: float = 0.0) -> None:
        """Write the same again and again, as long as anybody listens."""
        while True:
            self.write(block)
            time.sleep(pause)

    def reset(self) -> None:
        """Break off without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def wait(self) -> None:
        """Say nothing more until who asked hangs up."""
        self.connection.settimeout(600)
        while self.connection.recv(1 << 16):
            pass


def moved(to: str) -> Callable[[Asked], None]:
    """Send on."""
    return lambda a: a.say("302 Found", f"Location: {to}")


def then(first: Callable[[Asked], Any], times: int = 1) -> Callable[[Asked], Any]:
    """Misbehave some times, and serve from then on."""
    return lambda a: first(a) if a.met < times else a.serve()


def chunk(size: str, body: bytes = b"") -> Callable[[Asked], None]:
    """Begin a body in chunks by one that says it has such a size."""
    return lambda a: (a.head(OK, CHUNKED), a.write(size.encode() + b"\r\n" + body))[0]


HAD: dict[str, Callable[[Asked], Any]] = {
    "length not told": lambda a: (a.head(OK), a.write(BODY)),
    "length no number": lambda a: (a.head(OK, "Content-Length: \xb2"), a.write(BODY)),
    "body goes on without end": lambda a: (a.head(OK), a.write(BODY), a.repeat(BODY)),
    "called packed": lambda a: a.serve(None, RANGES, "Content-Encoding: gzip"),
    "sent on once": moved("/good"),
    "cut once": then(lambda a: a.serve(SIZE // 2)),
    "reset once": then(lambda a: (a.serve(SIZE // 2), a.reset())),
    "stalls once": then(lambda a: (a.serve(SIZE // 2), a.wait())),
    "range ignored": lambda a: a.serve(SIZE // 2) if not a.met else (a.head(OK, ALL, RANGES), a.write(BODY)),
    "range refused": lambda a: a.serve(SIZE // 2) if not a.met else (
        a.say("416 Range Not Satisfiable") if a.start else a.serve()
    ),
    "429, Retry-After: 1": then(lambda a: a.say("429 Too Many Requests", "Retry-After: 1")),
    "503 once": then(lambda a: a.say("503 Service Unavailable")),
}  # fmt: skip
NEXT: dict[str, Callable[[Asked], Any]] = {
    "hangs up at once": lambda a: None,
    "says nothing": lambda a: a.wait(),
    "speaks no HTTP": lambda a: a.write(b"SSH-2.0-server\r\n"),
    "stalls in the head": lambda a: (a.head(OK, end=False), a.wait()),
    "stalls in the body, each time": lambda a: (a.serve(a.start + SIZE // 10), a.wait()),
    "a byte a second in the head": lambda a: (a.head(OK, end=False), a.write(b"X: "), a.repeat(b"x", 1)),
    "a byte a second in the body": lambda a: (a.serve(a.start + 1), a.repeat(b"x", 1)),
    "a byte a second in chunks": lambda a: (a.head(OK, CHUNKED), a.repeat(b"1\r\nx\r\n", 1)),
    "a byte a second of a length of a chunk": lambda a: (a.head(OK, CHUNKED), a.repeat(b"0", 1)),
    "100 Continue for ever": lambda a: a.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
    "a head without end": lambda a: (a.head(OK, end=False), a.repeat(b"X: y\r\n")),
    "a line of the head without end": lambda a: (a.head(OK, end=False), a.repeat(b"x" * 4096)),
    "other bytes without end": lambda a: (a.head(OK, CHUNKED), a.repeat(b"10000\r\n" + bytes(1 << 16) + b"\r\n")),
    "a chunk of a length of -5": lambda a: (chunk("-5")(a), a.repeat(bytes(1 << 16))),
    "a chunk of a length of -1": lambda a: (chunk("-1")(a), a.repeat(bytes(1 << 16))),
    "a chunk of no length": chunk("zz", b"x"),
    "too short, and says so": lambda a: (a.head(OK, f"Content-Length: {SIZE - 1}"), a.write(BODY[:-1])),
    "too short, and does not": lambda a: (a.head(OK, ALL), a.write(BODY[:-1])),
    "too long, and says so": lambda a: (a.head(OK, f"Content-Length: {10**15}"), a.repeat(BODY)),
    "two lengths": lambda a: (a.head(OK, "Content-Length: 5, 6"), a.write(BODY)),
    "empty": lambda a: a.say("200 OK"),
    "no content": lambda a: a.head("HTTP/1.1 204 No Content"),
    "wrong bytes": lambda a: (a.head(OK, ALL), a.write(BODY[::-1])),
    "a page in its place": lambda a: (a.head(OK), a.write(b"<html>sign in</html>")),
    "cut, no ranges": lambda a: a.serve(SIZE // 2, "Server: x"),
    "cut each time": lambda a: a.serve(a.start + SIZE // 10),
    "the part after is another": lambda a: a.serve(SIZE // 2) if not a.start else (
        a.head(PART, f"Content-Range: bytes 7-{SIZE - 1}/{SIZE}", f"Content-Length: {SIZE - 7}"), a.write(BODY[7:])
    ),
    "sent on for ever": lambda a: a.say("302 Found", "Location: {self}"),
    "sent on to ftp": moved("ftp://127.0.0.1/file.bin"),
    "sent on to a file": moved("file:///etc/hostname"),
    "sent on to nowhere": lambda a: a.say("302 Found"),
    "sent on to what is no address": moved("http://[::1"),
    "sent on with a body without end": lambda a: (
        a.head("HTTP/1.1 302 Found", "Location: http://127.0.0.1:1/"), a.repeat(BODY)
    ),
    "404": lambda a: a.say("404 Not Found"),
    "403": lambda a: a.say("403 Forbidden"),
    "500": lambda a: a.say("500 Internal Server Error"),
    "502": lambda a: a.say("502 Bad Gateway"),
    "429 for ever": lambda a: a.say("429 Too Many Requests", "Retry-After: 2"),
    "429, Retry-After: 3600": lambda a: a.say("429 Too Many Requests", "Retry-After: 3600"),
    "503 for ever": lambda a: a.say("503 Service Unavailable"),
}  # fmt: skip
SECURE: dict[str, Callable[[Asked], Any]] = {
    "certificate expired": lambda a: a.serve(),
    "certificate of nobody known": lambda a: a.serve(),
    "certificate of another host": lambda a: a.serve(),
    "sent on from https to http": moved("http://127.0.0.1:1/file.bin"),
}
UNHEARD = ("refuses the connection", "has no name", "https asked, http spoken", "a byte a second in a handshake")


class Handler(socketserver.BaseRequestHandler):
    """Read a request and answer it as its path says."""

    def handle(self) -> None:
        """Answer."""
        server, asked = self.server, b""
        try:
            while b"\r\n\r\n" not in asked and not server.deaf:
                if not (block := self.request.recv(4096)):
                    return
                asked += block
            path = asked.split(b" ")[1].decode() if asked else "/handshake"
            at = next((int(line[13:-1]) for line in asked.decode().split("\r\n") if line.startswith("Range: ")), 0)
            met = server.met[path]
            server.met[path] += 1
            answer = server.answers[path]
            answer(Asked(met, at, self.send, self.request))
        except OSError:
            return

    def send(self, block: bytes) -> None:
        """Send bytes and count them."""
        self.request.sendall(block.replace(b"{self}", b"/"))
        self.server.sent += len(block)


class Server(socketserver.ThreadingTCPServer):
    """A server of one fault, and of the file at `/good`."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, answer: Callable[[Asked], Any], context: ssl.SSLContext | None = None, deaf: bool = False):
        super().__init__(("127.0.0.1", 0), Handler)
        good: Callable[[Asked], Any] = lambda a: a.serve()  # noqa: E731
        self.answers = {"/": answer, "/file.bin": answer, "/good": good, "/handshake": answer}
        self.met, self.sent, self.context, self.deaf = Counter[str](), 0, context, deaf

    def finish_request(self, request: Any, address: Any) -> None:
        """Shake hands in the thread of the request."""
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, address)
        if self.context:
            request.close()

    def handle_error(self, request: Any, address: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(*given: Any, **more: Any) -> Iterator[Server]:
    """Serve in a thread."""
    with Server(*given, **more) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
