"""A file of our own, served as what `linrec download ml-100k` fetches."""

import hashlib
import http.server
import io
import random
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PAGE, PAGES = 4096, 9


@contextmanager
def served(pause: float = 0.0) -> Iterator[list[float]]:
    """Serve it, so many seconds after each page; give the list of the moments at which it was asked for.

    Who forks meanwhile has the address in the catalog too.
    """
    from linrec_cli import catalog
    from linrec_cli.data.download.source import Source

    out, asked = io.BytesIO(), list[float]()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("u.data", random.Random(0).randbytes(PAGES * PAGE))
    body = out.getvalue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for begin in range(0, len(body), PAGE):
                self.wfile.write(body[begin : begin + PAGE])
                time.sleep(pause)

        def log_message(self, *said: Any) -> None:
            pass

        def handle(self) -> None:
            # Who was killed does not listen.
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/ml-100k.zip"
    source = Source(url, f"sha256:{hashlib.sha256(body).hexdigest()}", len(body))
    vars(catalog.load("datasets", "ml-100k"))["SOURCES"] = (source,)
    try:
        yield asked
    finally:
        server.shutdown()
