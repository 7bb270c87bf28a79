"""Ask a server for a file: through the user's own proxies and certificates, and wherever it sends on to."""

import os
import re
import socket
import ssl
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from linrec_cli import __version__
from linrec_cli.data.download import pace as lowest
from linrec_cli.data.download.pace import Pace
from linrec_cli.data.download.source import SourceError
from linrec_cli.errors import DataError

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
TRIES, PAUSE, LONGEST_PAUSE = 3, 5.0, 60.0
REDIRECTS = 5
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
HINTS = {
    300: "it sends on, but does not say where to",
    400: "it wants something else than this; a newer linrec may know its address",
    403: "it lets nobody in, or not from this network",
    404: "the file is no longer at this address",
    429: "too many requests; wait a while",
    500: "trouble of its own; try again later",
    503: "it is busy; try again later",
}


class Watched(HTTPAdapter):
    """Connections that are watched for their pace."""

    def __init__(self, pace: Pace) -> None:
        self.pools = pools(pace)
        super().__init__()

    def init_poolmanager(self, *asked: Any, **more: Any) -> None:
        """Watch those to a server."""
        super().init_poolmanager(*asked, **more)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """Watch those to a proxy; one of SOCKS has connections of its own."""
        manager: Any = super().proxy_manager_for(proxy, **more)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self.pools
        return manager


class Trusting(Watched):
    """Connections that trust what `trust` trusts, beside what requests does."""

    def build_connection_pool_key_attributes(self, *asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add it to what a connection is made with."""
        host, options = super().build_connection_pool_key_attributes(*asked)
        return host, options | {"ssl_context": trust()}


class Session(requests.Session):
    """A session that sends nobody on: requests would read whatever body comes with that, without end if it has none."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self.pace = pace
        self.mount("http://", Watched(pace))
        self.mount("https://", Trusting(pace))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none."""

    def target(self, response: requests.Response) -> str:
        """Read where an answer sends on to; empty where it does not.

        Raises:
            SourceError: it is no web server, or one where anybody may listen, which the first was not.
        """
        told = super().get_redirect_target(response)
        if not told:
            return ""
        before, url = response.url, urljoin(response.url, told)
        scheme = urlsplit(url).scheme.lower()
        if scheme not in ("http", "https"):
            raise SourceError(f"sends on to {url}, which is no web server")
        if scheme == "http" and before.lower().startswith("https:"):
            raise SourceError(f"sends on to {url}, which is not encrypted")
        return url


class Answer(HTTPResponse):
    """An answer whose body is never read to its end at once, as one in chunks is that says their length is -1."""

    def _safe_read(self, amt: int) -> bytes:
        if amt < 0:
            raise IncompleteRead(b"")
        data: bytes = super()._safe_read(amt)  # type: ignore[misc]
        return data


def pools(pace: Pace) -> dict[str, type[HTTPConnectionPool]]:
    """Make what opens connections, each of which is watched."""

    class Plain(HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return pace.over(super()._new_conn())

    class Secure(HTTPSConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return pace.over(super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


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


def ask(session: Session, url: str, start: int) -> requests.Response:
    """Open `url`, asking for what comes after its first `start` bytes; a server that is busy is asked again."""
    headers = {"User-Agent": f"linrec/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    for left in reversed(range(TRIES)):
        response = follow(session, url, headers)
        seconds = pause(response)
        if seconds is None or not left:
            break
        response.close()
        session.pace.rest(seconds)
    code = response.status_code
    if code < HTTPStatus.MULTIPLE_CHOICES:
        return response
    response.close()
    if start and code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return ask(session, url, 0)
    raise SourceError(f"answers HTTP {code} ({HINTS.get(code) or HINTS[min(code // 100 * 100, 500)]})")


def follow(session: Session, url: str, headers: dict[str, str]) -> requests.Response:
    """Open `url`, or what it sends on to.

    Raises:
        SourceError: it cannot be reached, takes too long, or sends on too often or elsewhere than to a web server.
    """
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    for _ in range(REDIRECTS + 1):
        try:
            response = session.get(url, headers=headers, stream=True, timeout=timeout)
            url = session.target(response)
        except (requests.RequestException, HTTPError, ValueError) as error:
            proxy = "the proxy to it fails: " if isinstance(error, requests.exceptions.ProxyError) else ""
            raise SourceError(proxy + late(session.pace, error)) from None
        if not url:
            return response
        response.close()
    raise SourceError(f"sends on more than {REDIRECTS} times")


def pause(response: requests.Response) -> float | None:
    """Say how many seconds a busy server is to be left alone; None where it is not busy, or asks too much."""
    if response.status_code not in BUSY:
        return None
    asked = PAUSE
    with suppress(InvalidHeader, ValueError, OverflowError):
        if told := response.headers.get("Retry-After"):
            asked = Retry().parse_retry_after(told)
    return asked if asked <= LONGEST_PAUSE else None


def late(pace: Pace, error: BaseException) -> str:
    """Say why nothing more comes: too slowly, or what went wrong."""
    return f"fewer than {lowest.LEAST:,} bytes in {lowest.SECONDS:g} s" if pace.slow else reason(error)


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


def length(response: requests.Response) -> int | None:
    """Read how many bytes a body is said to have; None where that is not told, or is no number."""
    told = response.headers.get("Content-Length", "")
    return int(told) if re.fullmatch("[0-9]{1,18}", told) else None
