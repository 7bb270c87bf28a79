"""Bring a file over HTTP: resumable, with timeouts, through the user's own proxies and certificates."""

import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from linrec_cli import __version__, disk
from linrec_cli.data.download.source import Source, SourceError, mismatch
from linrec_cli.errors import DataError

CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
TRIES, LONGEST_PAUSE = 3, 60.0
BLOCK = 1 << 18
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
HINTS = {
    300: "it sends on, but does not say where to",
    400: "it wants something else than this; a newer linrec may know its address",
    403: "it lets nobody in, or not from this network",
    404: "the file is no longer at this address",
    429: "too many requests; wait a while",
    500: "trouble of its own; try again later",
}
Progress = Callable[[int, int | None], None]


class Trusting(HTTPAdapter):
    """Connections that trust what `trust` trusts, beside what requests does."""

    def build_connection_pool_key_attributes(self, *asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add it to what a connection is made with."""
        host, options = super().build_connection_pool_key_attributes(*asked)
        return host, options | {"ssl_context": trust()}


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
    with requests.Session() as session:
        session.mount("https://", Trusting())
        with ask(session, source.url, start) as response:
            start, total = begin(response, start, source)
            resumable = (
                response.status_code == HTTPStatus.PARTIAL_CONTENT or response.headers.get("Accept-Ranges") == "bytes"
            )
            try:
                pour(response, part, start, total, progress)
            except BaseException as error:
                if not resumable or isinstance(error, DataError):
                    part.unlink(missing_ok=True)
                elif isinstance(error, SourceError):
                    raise SourceError(f"{error} (the same command goes on from there)") from None
                raise


def ask(session: requests.Session, url: str, start: int) -> requests.Response:
    """Open `url`, asking for what comes after its first `start` bytes; a server that is busy is asked again."""
    headers = {"User-Agent": f"linrec/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    for left in reversed(range(TRIES)):
        try:
            response = session.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
        except requests.RequestException as error:
            proxy = "the proxy to it fails: " if isinstance(error, requests.exceptions.ProxyError) else ""
            raise SourceError(proxy + reason(error)) from None
        seconds = pause(response)
        if seconds is None or not left:
            break
        response.close()
        time.sleep(seconds)
    code = response.status_code
    if code < HTTPStatus.MULTIPLE_CHOICES:
        return response
    response.close()
    if start and code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return ask(session, url, 0)
    raise SourceError(f"answers HTTP {code} ({HINTS.get(code) or HINTS[min(code // 100 * 100, 500)]})")


def pause(response: requests.Response) -> float | None:
    """Read how many seconds a busy server wants to be left alone; None where it says nothing, or asks too much."""
    if response.status_code in BUSY and (asked := response.headers.get("Retry-After")):
        with suppress(InvalidHeader):
            seconds = Retry().parse_retry_after(asked)
            return seconds if seconds <= LONGEST_PAUSE else None
    return None


def begin(response: requests.Response, start: int, source: Source) -> tuple[int, int | None]:
    """Read from the headers where the body starts and how long the whole file is.

    Raises:
        SourceError: it is not the file, or not the part of it, that was asked for.
    """
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        start = 0
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise SourceError("answers with another part than asked for; try again later")
    length = response.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else None
    if None not in (total, source.bytes) and total != source.bytes:
        raise SourceError(f"offers {total:,} bytes instead of {source.bytes:,}, so not the file that is known")
    return start, total or source.bytes


def pour(response: requests.Response, part: Path, start: int, total: int | None, progress: Progress) -> None:
    """Write the body into `part` from byte `start` on; all bytes are on the disk when this returns."""
    done = start
    with disk.writing(part), part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while block := read(response, done, total):
            file.write(block)
            done += len(block)
            progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise SourceError(f"broke off after {done:,} of {total:,} bytes")


def read(response: requests.Response, done: int, total: int | None) -> bytes:
    """Read the next block as it was sent, packed or not, and nothing beyond `total`; empty at the end."""
    try:
        return bytes(response.raw.read(BLOCK if total is None else min(BLOCK, total - done), decode_content=False))
    except (OSError, HTTPError) as error:
        of = "" if total is None else f" of {total:,}"
        raise SourceError(f"broke off after {done:,}{of} bytes ({reason(error)})") from None


def reason(error: BaseException) -> str:
    """Say in a few words what went wrong on the way to a server, by the error that all others came from."""
    # Where urllib3 does not chain its errors, it wraps them.
    while (
        cause := error.__cause__ or error.__context__ or next((e for e in error.args if isinstance(e, Exception)), None)
    ):
        error = cause
    match error:
        case ssl.SSLCertVerificationError():
            said = getattr(error, "verify_message", "") or "certificate verify failed"
            return f"its certificate is not accepted ({said}); a CA of your own goes into SSL_CERT_FILE"
        case socket.gaierror():
            return "its name does not resolve"
        case TimeoutError():
            return "it does not answer in time"
        case ConnectionRefusedError():
            return "it refuses the connection"
        case IncompleteRead():
            return "the connection was cut"
        case OSError(strerror=str(text)):
            return text
    return " ".join(str(error).split()) or type(error).__name__
