"""A server on this machine that fails in the way its address names, and what a test asks of a fetch from it."""

import contextlib
import hashlib
import http.client
import http.server
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from linrec_cli.data.download import fetch
from linrec_cli.data.download.source import Source
from linrec_cli.errors import DataError

BODY = bytes(range(256)) * 4000
MOVED = {
    "moved": "/good/file.bin",
    "there": "http://127.0.0.1:{port}/good/file.bin",
    "plainly": "http://127.0.0.1:1/file.bin",
    "away": "file:///etc/hostname",
    "ftp": "ftp://127.0.0.1:{port}/good/file.bin",
    "nowhere": "http://[::1",
    "round": "/round/file.bin",
}
"""Where the server sends on to."""
DROPS = {
    "drops": b"x",
    "drops-head": b"X: y\r\n",
    "drops-chunks": b"1\r\nx\r\n",
    "goes-on": b"HTTP/1.1 100 Continue\r\n\r\n",
}
"""What the server sends every few milliseconds, for as long as anybody listens."""
SHA = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serve BODY in the way the path names; every request is noted.

    `busy` has the answers, code and Retry-After, that the way `busy` gives first; `through` the hosts that a tunnel
    was asked for; `poured` the blocks that were sent without end.
    """

    asked: ClassVar[list[tuple[str, str | None]]] = []
    heads: ClassVar[list[http.client.HTTPMessage]] = []
    busy: ClassVar[list[tuple[int, str]]] = []
    through: ClassVar[list[str]] = []
    poured: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        # A proxy is asked for a whole address.
        way = self.path.split("/")[3 if self.path.startswith("http") else 1]
        wanted = self.headers.get("Range")
        self.asked.append((way, wanted))
        self.heads.append(self.headers)
        if way.isdigit():
            return self.send_error(int(way))
        if way == "busy" and self.busy:
            code, after = self.busy.pop(0)
            return self.empty(code, {"Retry-After": after} if after else {})
        if way in DROPS:
            return self.drop(way)
        if way.startswith("chunk"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(way.removeprefix("chunk").encode() + b"\r\n")
            return self.pour(BODY)
        if way == "sends-on-and-on":
            self.send_response(302)
            self.send_header("Location", MOVED["moved"])
            self.end_headers()
            return self.pour(BODY)
        if way in MOVED:
            return self.empty(302, {"Location": MOVED[way].format(port=self.server.server_port)})
        body = BODY[::-1] if way == "wrong" else BODY[:-1] if way == "short" else BODY
        start = int(wanted[6:-1]) if wanted and way not in ("ignore", "noranges") else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + (way == 'elsewhere')}-{len(body) - 1}/{len(body)}")
        if way not in ("noranges", "unsized", "bitwise"):
            self.send_header("Accept-Ranges", "bytes")
        if way not in ("unsized", "endless", "halved"):
            length = len(body) - start + 9 * len(body) * (way == "boasting") - 1000 * (way == "modest")
            self.send_header("Content-Length", "\u00b2" if way == "odd" else str(length))
        if way == "packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if way == "slowly":
            for block in range(0, len(body), len(body) // 16):
                self.wfile.write(body[block : block + len(body) // 16])
                time.sleep(0.04)
            return None
        if way == "stalls":
            self.wfile.write(body[start:100_000])
            time.sleep(0.6)
            return None
        broken = way == "halved" or (
            way in ("broken", "noranges", "ignore") and not start and way + "!" not in self.server.healed
        )
        body = body[: start + 1000] if way == "bitwise" else body
        self.wfile.write(body[start : len(body) // 2 if broken else None])
        if way == "endless":
            self.pour(body)
        return None

    def pour(self, body: bytes) -> None:
        # Not for ever, or a test that fails would not end.
        for _ in range(64):
            self.wfile.write(body)
            self.poured.append(len(body))

    def drop(self, way: str) -> None:
        """Send a little again and again."""
        if way.startswith("drops"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n")
        if way == "drops-chunks":
            self.wfile.write(b"Transfer-Encoding: chunked\r\n")
        if way != "drops-head":
            self.wfile.write(b"\r\n" * (way != "goes-on"))
        for _ in range(1000):
            self.wfile.write(DROPS[way])
            self.poured.append(1)
            time.sleep(0.005)

    def empty(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_CONNECT(self) -> None:
        """Be a proxy's tunnel."""
        self.through.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), 5) as far:
            self.send_response(200)
            self.end_headers()
            to = {self.connection: far, far: self.connection}
            while blocks := [(side, side.recv(1 << 16)) for side in select.select(list(to), [], [])[0]]:
                for side, block in blocks:
                    to[side].sendall(block)
                if not all(block for _, block in blocks):
                    return

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[http.server.HTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.healed = set()
    server.handle_error = lambda *_: None
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def at(server: http.server.HTTPServer, way: str, scheme: str = "http") -> Source:
    return Source(f"{scheme}://127.0.0.1:{server.server_port}/{way}/file.bin", SHA, len(BODY))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def failing(data_dir: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        fetch.fetch("toy", data_dir, **options)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dead_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def certificate(folder: Path, *options: str) -> Path:
    """Make a self-signed certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    made = folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(made)]
    command = ["openssl", "req", "-x509", *curve, *named, *files, *options]
    subprocess.run(command, check=True, capture_output=True)
    return made
