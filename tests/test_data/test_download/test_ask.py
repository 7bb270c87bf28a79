"""Asking a server: where it sends on to, and what is done while it is busy."""

from pathlib import Path
from typing import Any

import pytest
from serving import BODY, Handler, at, failing, left

from linrec_cli.data.download import fetch


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_that_says_when_is_asked_again_then(
    code: int, slept: list[float], server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "busy"))
    Handler.busy[:] = [(code, "7"), (code, "0")]
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert slept == [7, 0]


@pytest.mark.parametrize(
    ("after", "pauses"),
    [
        ("7", [7, 7]),
        ("60", [60, 60]),
        ("61", []),
        ("9" * 5000, [5, 5]),
        ("", [5, 5]),
        ("soon", [5, 5]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", [0, 0]),
        ("Thu, 01 Jan 99999999999 00:00:00 GMT", [5, 5]),
    ],
)
def test_a_server_is_asked_thrice_at_most_and_not_at_all_where_it_would_take_long(
    after: str, pauses: list[float], slept: list[float], server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "busy"))
    Handler.busy[:] = [(429, after)] * 9
    assert "answers HTTP 429 (too many requests; wait a while)" in failing(tmp_path)
    assert slept == pauses
    assert len(Handler.asked) == len(pauses) + 1


def test_a_server_that_is_not_busy_is_not_asked_again(
    slept: list[float], server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "busy"))
    Handler.busy[:] = [(404, "7")]
    failing(tmp_path)
    assert slept == []


def test_a_resumed_download_waits_for_a_busy_server_too(
    slept: list[float], server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "busy"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY[:1000])
    Handler.busy[:] = [(503, "7")]
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked == [("busy", "bytes=1000-")] * 2


def test_after_a_busy_server_comes_the_next(slept: list[float], server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "503"), at(server, "good"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert [way for way, _ in Handler.asked] == ["503"] * 3 + ["good"]


@pytest.mark.parametrize("way", ["away", "ftp"])
def test_a_redirect_to_what_is_no_web_server_is_refused(way: str, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, way))
    assert "sends on to " + ("file:///etc/hostname" if way == "away" else "ftp://127.0.0.1") in failing(tmp_path)
    assert "which is no web server" in failing(tmp_path)
    assert left(tmp_path / "toy") == set()


def test_a_redirect_that_cannot_be_read_is_one_line(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "nowhere"))
    assert "Invalid IPv6 URL" in failing(tmp_path)


def test_a_secure_server_does_not_send_on_to_one_that_is_not(
    server: Any, secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure[1]))
    describe(at(secure[0], "plainly", "https"))
    assert "which is not encrypted" in failing(tmp_path)
    assert [way for way, _ in Handler.asked] == ["plainly"]


def test_a_server_that_sends_on_for_ever_is_given_up(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "round"), at(server, "moved"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert [way for way, _ in Handler.asked] == ["round"] * 6 + ["moved", "good"]


def test_of_an_answer_that_sends_on_nothing_more_is_read(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "sends-on-and-on"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert sum(Handler.poured) < 20 * len(BODY)
