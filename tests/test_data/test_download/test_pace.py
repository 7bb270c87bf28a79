"""What is too slow is cut off, wherever in its answer, and what is not is waited for."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import BODY, SHA, Handler, at, failing, left

from linrec_cli.data.download import ask, fetch, http, pace
from linrec_cli.data.download.source import Source


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.2)
    monkeypatch.setattr(pace, "LEAST", 1000)


@pytest.mark.parametrize("way", ["drops", "drops-head", "drops-chunks", "goes-on"])
def test_a_byte_at_a_time_for_ever_is_given_up_for_the_next_source(
    way: str, server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, way))
    assert "fewer than 1,000 bytes in 0.2 s" in failing(tmp_path)
    # A server that is slow is not asked again.
    assert len(Handler.asked) == 1
    # Nor is it listened to until it is done.
    assert len(Handler.poured) < 500
    describe(at(server, way), at(server, "good"))
    assert fetch.fetch("toy", tmp_path, force=True).read_bytes() == BODY
    assert left(tmp_path / "toy") == {"file.bin", "file.bin.verified"}


@pytest.fixture
def handshakes() -> Iterator[int]:
    """The port of a server that answers a greeting by a record without end, a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        over = threading.Event()

        def answer() -> None:
            connection, _ = slow.accept()
            with connection:
                connection.sendall(b"\x16\x03\x03\x40\x00")
                while not over.wait(0.005):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        yield slow.getsockname()[1]
        over.set()
        thread.join()


def test_a_handshake_without_end_is_given_up(handshakes: int, describe: Any, tmp_path: Path) -> None:
    describe(Source(f"https://127.0.0.1:{handshakes}/file.bin", SHA, len(BODY)))
    assert "fewer than 1,000 bytes in 0.2 s" in failing(tmp_path)


def test_a_slow_tail_of_a_secure_body_is_not_taken_for_its_end(
    secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure[1]))
    # To read the certificates takes some of it.
    monkeypatch.setattr(pace, "SECONDS", 0.8)
    describe(Source(at(secure[0], "drops", "https").url, SHA, about=len(BODY)))
    assert "broke off after" in failing(tmp_path)


def test_a_server_that_stalls_is_given_up_in_time(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "READ_SECONDS", 0.25)
    monkeypatch.setattr(pace, "SECONDS", 5.0)
    describe(at(server, "stalls"), at(server, "good"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    # The bytes that came are kept; that no more come is told once the same place was met again.
    assert Handler.asked[0] == ("stalls", None)
    assert Handler.asked[-1][0] == "good"
    assert Handler.asked[-1][1] is not None
    assert len(Handler.asked) == 3


def test_whoever_is_just_fast_enough_is_waited_for(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BLOCK", 1 << 10)
    monkeypatch.setattr(pace, "SECONDS", 0.5)
    describe(at(server, "slowly"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_pause_that_was_agreed_on_does_not_count() -> None:
    with pace.Pace() as watched:
        watched.rest(0.5)
        assert not watched.slow


def test_a_new_connection_of_who_was_too_slow_is_closed_at_once() -> None:
    with pace.Pace() as watched, socket.socket() as one:
        watched.slow = True
        with pytest.raises(TimeoutError):
            watched.over(one)
        assert one.fileno() == -1
