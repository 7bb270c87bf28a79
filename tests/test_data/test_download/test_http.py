"""Bringing a file over HTTP: what goes on, what is given up and why, through whose proxies and certificates."""

import errno
import io
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from serving import BODY, SHA, Handler, at, failing, left

from linrec_cli.data.download import ask, fetch, http
from linrec_cli.data.download.source import Event, Source


@pytest.mark.parametrize("way", ["moved", "unsized"])
def test_redirects_and_bodies_of_unknown_length_are_fine(way: str, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, way))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("wrong", "gave a wrong file (sha256 "),
        ("short", "offers 1,023,999 bytes instead of 1,024,000"),
        ("404", "answers HTTP 404 (the file is no longer at this address)"),
        ("500", "answers HTTP 500 (trouble of its own; try again later)"),
        ("noranges", "broke off after 512,000 of 1,024,000 bytes"),
    ],
)
def test_a_failing_source_is_one_line_and_leaves_nothing(
    way: str, said: str, server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, way))
    message = failing(tmp_path)
    assert said in message
    assert f"fetch http://127.0.0.1:{server.server_port}/{way}/file.bin by hand" in message
    assert "linrec download toy --from FILE" in message
    assert left(tmp_path / "toy") == set()


def test_a_broken_download_goes_on_where_it_stopped(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "broken"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked == [("broken", None), ("broken", "bytes=512000-")]
    assert left(tmp_path / "toy") == {"file.bin", "file.bin.verified"}


def test_the_same_command_goes_on_where_an_earlier_one_had_to_stop(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TRIES", 1)
    describe(at(server, "broken"))
    assert "the same command goes on from there" in failing(tmp_path)
    assert left(tmp_path / "toy") == {"file.bin.part"}
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked == [("broken", None), ("broken", "bytes=512000-")]


def test_another_source_goes_on_where_the_first_broke_off(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "bitwise"), at(server, "good"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY[:500])
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked[-1] == ("good", "bytes=3500-")


def test_a_server_that_ignores_the_range_starts_from_zero(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "ignore"))
    failing(tmp_path)
    server.healed.add("ignore!")
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked[-1] == ("ignore", "bytes=512000-")


def test_a_whole_part_of_a_file_of_unknown_size_is_not_fetched_again(
    server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(Source(at(server, "good").url, SHA, about=10))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY)
    fetch.fetch("toy", tmp_path)
    assert Handler.asked == []


def test_a_part_longer_than_the_file_starts_from_zero(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(Source(at(server, "good").url, SHA, about=len(BODY)))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY + b"more")
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_an_interrupted_download_can_be_resumed(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))

    def interrupt(event: Event) -> None:
        if event.step == "bytes":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("toy", tmp_path, report=interrupt)
    assert left(tmp_path / "toy") == {"file.bin.part"}
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked[-1][1] is not None


def test_a_server_that_says_nothing_is_given_up(describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        describe(Source(f"http://127.0.0.1:{deaf.getsockname()[1]}/file.bin", SHA, len(BODY)))
        assert "it does not answer in time" in failing(tmp_path)


def test_a_server_that_speaks_no_http_is_given_up(describe: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            connection, _ = odd.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 hello\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        describe(Source(f"http://127.0.0.1:{odd.getsockname()[1]}/file.bin", SHA, len(BODY)))
        assert "220 hello" in failing(tmp_path)
        thread.join()


def test_a_full_disk_says_so_and_leaves_nothing(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(at(server, "good"), at(server, "good"))

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    path_open = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, mode="r", *rest, **more: (
            Full(path, mode) if path.suffix == ".part" and mode != "rb" else path_open(path, mode, *rest, **more)
        ),
    )
    message = failing(tmp_path)
    assert "No space left on device; free some room or choose another place" in message
    assert left(tmp_path / "toy") == set()
    # Another source would meet the same disk.
    assert len(Handler.asked) == 1


def test_no_more_than_the_known_size_is_read(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "endless"))
    told: list[int] = []
    fetch.fetch("toy", tmp_path, report=lambda event: told.append(event.done) if event.step == "bytes" else None)
    assert told[-1] == len(BODY)
    assert (tmp_path / "toy" / "file.bin").read_bytes() == BODY
    assert len(Handler.poured) < 64


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("endless", "sends more than 2,048,000 bytes, which are too many"),
        ("boasting", "offers 10,240,000 bytes, which are too many"),
        ("modest", "gave a wrong file (sha256 "),
    ],
)
def test_of_a_size_that_is_known_about_no_more_than_twice_is_read(
    way: str, said: str, server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(Source(at(server, way).url, SHA, about=len(BODY)))
    assert said in failing(tmp_path)
    assert left(tmp_path / "toy") == set()
    assert sum(Handler.poured) < 20 * len(BODY)


@pytest.mark.parametrize("length", ["-1", "-5", "zz", ""])
def test_a_chunk_of_no_length_is_not_read_without_end(length: str, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, f"chunk{length}"))
    assert "broke off after 0 of 1,024,000 bytes" in failing(tmp_path)
    assert left(tmp_path / "toy") == set()
    assert sum(Handler.poured) < 20 * len(BODY)


def test_a_length_that_is_no_number_is_none(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "odd"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_bytes_stay_as_they_were_sent_even_if_the_server_calls_them_packed(
    server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "packed"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    (head,) = Handler.heads
    assert head["Accept-Encoding"] == "identity"
    assert head["User-Agent"].startswith("linrec/")


def test_a_part_other_than_the_one_asked_for_is_refused(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "elsewhere"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY[:1000])
    assert "answers with another part than asked for" in failing(tmp_path)


def test_a_body_that_breaks_off_without_a_length_is_no_file(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "halved"))
    assert "broke off after 512,000 of 1,024,000 bytes" in failing(tmp_path)


def test_a_server_that_gave_a_part_can_be_asked_for_the_next_even_if_it_did_not_say_so(
    server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, "bitwise"))
    part = tmp_path / "toy" / "file.bin.part"
    part.parent.mkdir()
    part.write_bytes(BODY[:500])
    # Three times a command, each a thousand bytes further.
    for length in (3500, 6500):
        assert f"broke off after {length:,} of 1,024,000 bytes" in failing(tmp_path)
        assert part.read_bytes() == BODY[:length]
    assert len(Handler.asked) == 6


def test_a_part_longer_than_what_is_known_is_not_gone_on_with(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY + b"more")
    fetch.fetch("toy", tmp_path)
    assert Handler.asked == [("good", None)]
