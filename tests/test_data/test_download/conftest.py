"""Servers for the tests of this folder, and nothing of the surroundings' own proxies and certificates."""

import http.server
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from linrec_cli import catalog
from linrec_cli.data.download import ask, pace
from linrec_cli.data.download.source import Package, Source

sys.path.insert(0, str(Path(__file__).parent))

from serving import Handler, certificate, serving


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for noted in (Handler.asked, Handler.heads, Handler.busy, Handler.through, Handler.poured):
        noted.clear()
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("LINREC_OFFLINE", *ask.BUNDLES):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with serving() as server:
        yield server


@pytest.fixture
def describe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make `toy` a data set with the sources given."""

    def describe(*sources: Source | Package, **more: Any) -> None:
        module = SimpleNamespace(SOURCES=sources, **more)
        monkeypatch.setattr(catalog, "load", lambda package, name: module)

    return describe


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    pauses: list[float] = []
    monkeypatch.setattr(pace.Pace, "rest", lambda pace, seconds: pauses.append(seconds))
    return pauses


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[http.server.HTTPServer, Path]]:
    made = certificate(tmp_path, "-days", "2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, tmp_path / "key.pem")
    with serving(context) as server:
        yield server, made
