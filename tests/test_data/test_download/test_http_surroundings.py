"""The surroundings of a user: proxies, and certificates of their own."""

import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
from serving import BODY, SHA, Handler, at, certificate, dead_port, failing

from linrec_cli.data.download import ask, fetch
from linrec_cli.data.download.source import Source


def test_a_dead_host_says_so(describe: Any, tmp_path: Path) -> None:
    describe(
        Source(f"http://127.0.0.1:{dead_port()}/file.bin", SHA, len(BODY)),
        Source("http://nowhere.invalid/file.bin", SHA, len(BODY)),
    )
    message = failing(tmp_path)
    assert "it refuses the connection" in message
    assert "nowhere.invalid: its name does not resolve" in message


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_of_the_user_s_own_is_used(
    scheme: str, server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"{scheme}127.0.0.1:{server.server_port}")
    describe(Source("http://nowhere.invalid/good/file.bin", SHA, len(BODY)))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_certificate_nobody_vouches_for_is_refused(secure: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(secure[0], "good", "https"))
    message = failing(tmp_path)
    assert "its certificate is not accepted (self" in message
    assert "SSL_CERT_FILE" in message


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", *ask.BUNDLES])
def test_a_certificate_of_the_user_s_own_is_trusted(
    variable: str, secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(secure[1]))
    describe(at(secure[0], "good", "https"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_bundle_that_cannot_be_read_is_named(
    secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    describe(at(secure[0], "good", "https"))
    assert "REQUESTS_CA_BUNDLE=/nowhere.pem cannot be read" in failing(tmp_path)


def test_an_expired_certificate_says_so() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    assert ask.reason(error).startswith("its certificate is not accepted (certificate has expired)")


def test_a_dead_proxy_is_told_from_a_dead_host(describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{dead_port()}")
    describe(Source("http://nowhere.invalid/good/file.bin", SHA, len(BODY)))
    assert "nowhere.invalid: the proxy to it fails: it refuses the connection" in failing(tmp_path)


def test_a_proxy_is_told_who_asks(server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://me:pass%20word@127.0.0.1:{server.server_port}")
    describe(Source("http://nowhere.invalid/good/file.bin", SHA, len(BODY)))
    fetch.fetch("toy", tmp_path)
    (head,) = Handler.heads
    assert head["Proxy-Authorization"] == f"Basic {base64.b64encode(b'me:pass word').decode()}"


@pytest.mark.parametrize("spared", ["127.0.0.1", "*", "elsewhere.invalid,127.0.0.1"])
def test_hosts_that_no_proxy_spares_are_asked_straight(
    spared: str, server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port()}")
    monkeypatch.setenv("NO_PROXY", spared)
    describe(at(server, "good"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_host_that_is_sent_on_to_has_its_own_way(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    describe(Source("http://nowhere.invalid/there/file.bin", SHA, len(BODY)))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    # The proxy is asked for a whole address, the server for a path.
    assert [way for way, _ in Handler.asked] == ["there", "good"]
    assert Handler.heads[0]["Host"] == "nowhere.invalid"
    assert Handler.heads[1]["Host"] == f"127.0.0.1:{server.server_port}"


def test_a_secure_server_behind_a_proxy_is_trusted_likewise(
    server: Any, secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    describe(at(secure[0], "good", "https"))
    assert "its certificate is not accepted" in failing(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(secure[1]))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.through == [f"127.0.0.1:{secure[0].server_port}"] * 2


def test_two_bundles_are_both_trusted(
    secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(secure[1]))
    describe(at(secure[0], "good", "https"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
