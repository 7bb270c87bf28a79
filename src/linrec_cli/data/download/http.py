"""Bring a file over HTTP: resumable, with timeouts, through the user's own proxies and certificates."""

import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from linrec_cli import __version__
from linrec_cli.data.download.source import Source, SourceError, disk, mismatch
from linrec_cli.errors import DataError

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
BLOCK = 1 << 18
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
HINTS = {
    400: "it wants something else than this; a newer linrec may know its address",
    403: "it lets nobody in, or not from this network",
    404: "the file is no longer at this address",
    429: "too many requests; wait a while",
    500: "trouble of its own; try again later",
}
Progress = Callable[[int, int | None], None]


class PlainConnection(http.client.HTTPConnection):
    """A connection that is given up soon while it is being made, and late once it is."""

    def connect(self) -> None:
        """Connect, then wait longer for what is read."""
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class SecureConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        """Connect, then wait longer for what is read."""
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class PlainHandler(urllib.request.HTTPHandler):
    """Open http:// addresses with the two timeouts."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open the request."""
        return self.do_open(PlainConnection, req)


class SecureHandler(urllib.request.HTTPSHandler):
    """Open https:// addresses with the two timeouts, trusting what `trust` trusts."""

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open the request."""
        return self.do_open(SecureConnection, req, context=trust())


def trust() -> ssl.SSLContext:
    """Trust the system's certificates (or SSL_CERT_FILE's) and those of the user's own bundle.

    Raises:
        DataError: a bundle that the environment names cannot be read.
    """
    context = ssl.create_default_context()
    for variable in BUNDLES:
        if bundle := os.environ.get(variable):
            folder = bundle if os.path.isdir(bundle) else None
            try:
                context.load_verify_locations(None if folder else bundle, folder)
            except OSError as error:
                why = error.strerror or "not a bundle of certificates"
                raise DataError(f"{variable}={bundle} cannot be read ({why}); mend or unset it.") from None
    return context


def bring(source: Source, part: Path, progress: Progress) -> None:
    """Bring `source` into the file `part`, going on from what is there.

    Raises:
        SourceError: the source failed; `part` is left only where the connection broke and can be resumed.
        DataError: the disk takes no more; `part` is gone.
    """
    start = part.stat().st_size if part.exists() else 0
    if start and not mismatch(part, source):
        return
    if source.bytes is not None and start >= source.bytes:
        start = 0
    with ask(source.url, start) as response:
        start, total = begin(response, start, source)
        resumable = response.status == 206 or response.headers.get("Accept-Ranges") == "bytes"
        try:
            pour(response, part, start, total, progress)
        except BaseException as error:
            if not resumable or isinstance(error, DataError):
                part.unlink(missing_ok=True)
            elif isinstance(error, SourceError):
                raise SourceError(f"{error} (the same command goes on from there)") from None
            raise


def ask(url: str, start: int) -> http.client.HTTPResponse:
    """Open `url`, asking for what comes after its first `start` bytes."""
    headers = {"User-Agent": f"linrec/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    opener = urllib.request.build_opener(PlainHandler, SecureHandler)
    try:
        response: http.client.HTTPResponse = opener.open(
            urllib.request.Request(url, headers=headers), timeout=CONNECT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return ask(url, 0)
        raise SourceError(reason(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(reason(error)) from None
    return response


def begin(response: http.client.HTTPResponse, start: int, source: Source) -> tuple[int, int | None]:
    """Read from the headers where the body starts and how long the whole file is.

    Raises:
        SourceError: it is not the file, or not the part of it, that was asked for.
    """
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        start = 0
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise SourceError("answers with another part than asked for; try again later")
    length = response.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else None
    if None not in (total, source.bytes) and total != source.bytes:
        raise SourceError(f"offers {total:,} bytes instead of {source.bytes:,}, so not the file that is known")
    return start, total or source.bytes


def pour(response: http.client.HTTPResponse, part: Path, start: int, total: int | None, progress: Progress) -> None:
    """Write the body into `part` from byte `start` on; all bytes are on the disk when this returns."""
    done = start
    with disk(part.parent), part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while block := read(response, done):
            file.write(block)
            done += len(block)
            progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise SourceError(f"broke off after {done:,} of {total:,} bytes")


def read(response: http.client.HTTPResponse, done: int) -> bytes:
    """Read the next block; empty at the end."""
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"broke off after {done:,} bytes ({reason(error)})") from None


def reason(error: BaseException | str) -> str:
    """Say in a few words what went wrong on the way to a server."""
    match error:
        case urllib.error.HTTPError():
            hint = HINTS.get(error.code) or HINTS[500 if error.code >= 500 else 400]
            return f"answers HTTP {error.code} ({hint})"
        case urllib.error.URLError():
            return reason(error.reason)
        case ssl.SSLCertVerificationError():
            said = getattr(error, "verify_message", "") or "certificate verify failed"
            return f"its certificate is not accepted ({said}); a CA of your own goes into SSL_CERT_FILE"
        case socket.gaierror():
            return "its name does not resolve"
        case TimeoutError():
            return "it does not answer in time"
        case ConnectionRefusedError():
            return "it refuses the connection"
        case OSError(strerror=str(text)):
            return text
    return " ".join(str(error).split()) or type(error).__name__
