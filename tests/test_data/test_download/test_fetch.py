"""Fetching a data set: from which source, checked how, what is left behind, one process at a time."""

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from serving import BODY, SHA, Handler, at, failing, left

from linrec_cli import catalog, disk
from linrec_cli.data import origin
from linrec_cli.data.download import fetch
from linrec_cli.data.download.source import Event, Source
from linrec_cli.errors import DataError, UsageError


def test_a_good_file_arrives_whole_with_its_bytes_told(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    events: list[Event] = []
    path = fetch.fetch("toy", tmp_path, report=events.append)
    assert path == tmp_path / "toy" / "file.bin"
    assert path.read_bytes() == BODY
    assert left(path.parent) == {"file.bin", "file.bin.verified"}
    told = [event.done for event in events if event.step == "bytes"]
    assert told == sorted(told)
    assert told[-1] == len(BODY)
    assert events[0].step == "trying"
    assert events[-1] == Event("done", f"127.0.0.1:{server.server_port}", len(BODY), len(BODY))


def test_what_is_here_is_not_fetched_again_unless_forced(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    fetch.fetch("toy", tmp_path)
    events: list[Event] = []
    fetch.fetch("toy", tmp_path, report=events.append)
    assert [event.step for event in events] == ["present"]
    assert len(Handler.asked) == 1
    fetch.fetch("toy", tmp_path, force=True)
    assert len(Handler.asked) == 2


def test_a_file_put_there_by_hand_is_checked_once_and_taken(describe: Any, tmp_path: Path) -> None:
    describe(Source("http://127.0.0.1:9/file.bin", SHA, len(BODY)))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin").write_bytes(BODY)
    steps: list[str] = []
    for _ in range(2):
        fetch.fetch("toy", tmp_path, report=lambda event: steps.append(event.step))
    assert steps == ["checking", "present", "present"]


def test_a_file_that_was_altered_is_fetched_anew(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    path = fetch.fetch("toy", tmp_path)
    path.write_bytes(BODY[::-1])
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def altered(path: Path, content: bytes) -> None:
    """Change a file, but not its time."""
    before = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(before, before))


@pytest.mark.parametrize("stamp", [None, "wrong", "of an older linrec"])
def test_one_that_changed_under_its_stamp_is_not_read(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stamp: str | None
) -> None:
    describe(at(server, "good"))
    monkeypatch.setattr(catalog, "names", lambda package: ["toy"])
    path = fetch.fetch("toy", tmp_path)
    noted = json.loads(fetch.stamp_of(path).read_text())
    if stamp == "wrong":
        noted["content"] = "sha256:0"
    elif stamp == "of an older linrec":
        del noted["content"]
    else:
        altered(path, BODY[::-1])
    # What is right but was noted wrong is verified again, and not fetched.
    fetch.stamp_of(path).write_text(json.dumps(noted))
    said: list[str] = []
    found = origin.find("toy", tmp_path, {}, said.append)
    assert found.identity[-1] == hashlib.sha256(BODY).hexdigest()
    assert path.read_bytes() == BODY
    assert len(Handler.asked) == (1 if stamp else 2)
    assert any("not the right one" in line for line in said) == (not stamp)
    assert fetch.unchanged(path, f"sha256:{found.identity[-1]}")
    assert "content" in fetch.read_stamp(path)


def test_one_that_changed_and_cannot_be_fetched_again_is_an_error(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(at(server, "good"))
    monkeypatch.setattr(catalog, "names", lambda package: ["toy"])
    altered(fetch.fetch("toy", tmp_path), BODY[::-1])
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    with pytest.raises(DataError, match="toy"):
        origin.find("toy", tmp_path, {}, lambda line: None)


def test_the_next_source_is_tried(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "404"), at(server, "wrong"), at(server, "good"))
    failed: list[Event] = []
    fetch.fetch("toy", tmp_path, report=lambda event: failed.append(event) if event.step == "failed" else None)
    assert [way for way, _ in Handler.asked] == ["404", "wrong", "good"]
    assert len(failed) == 2
    assert left(tmp_path / "toy") == {"file.bin", "file.bin.verified"}


@pytest.mark.parametrize("stale", [b"other" * 100, BODY[::-1], BODY + b"more"])
def test_a_stale_part_is_thrown_away_once(stale: bytes, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(stale)
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_folder_that_cannot_be_made_says_so(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    (tmp_path / "toy").write_text("in the way")
    assert "cannot write" in failing(tmp_path)


def test_offline_is_an_error_unless_the_file_is_here(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(at(server, "good"))
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    assert "LINREC_OFFLINE is set; unset it, or give the file by `linrec download toy --from FILE`." in failing(
        tmp_path
    )
    assert Handler.asked == []
    monkeypatch.setenv("LINREC_OFFLINE", "0")
    path = fetch.fetch("toy", tmp_path)
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    assert fetch.fetch("toy", tmp_path) == path


def test_a_file_fetched_by_hand_is_checked_likewise(describe: Any, tmp_path: Path) -> None:
    describe(
        Source("https://first.invalid/other.bin", "sha256:" + "0" * 64, 5),
        Source("https://second.invalid/file.bin", SHA, len(BODY)),
    )
    good, bad = tmp_path / "anything", tmp_path / "bad.bin"
    good.write_bytes(BODY)
    bad.write_bytes(BODY[:-1])
    with pytest.raises(DataError, match=r"bad\.bin is not other\.bin of toy \(1,023,999 bytes instead of 5\)"):
        fetch.take("toy", tmp_path / "data", bad)
    assert left(tmp_path / "data" / "toy") == set()
    path = fetch.take("toy", tmp_path / "data", good)
    assert path == tmp_path / "data" / "toy" / "file.bin"
    assert path.read_bytes() == BODY
    assert good.exists()
    assert left(path.parent) == {"file.bin", "file.bin.verified"}
    with pytest.raises(DataError, match="there is no file"):
        fetch.take("toy", tmp_path / "data", tmp_path / "nothing")


def test_two_processes_fetch_once(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    threads = [threading.Thread(target=fetch.fetch, args=("toy", tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Handler.asked) == 1


def test_who_waits_is_told(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    waiting = threading.Event()
    with disk.locked(tmp_path / "toy"):
        tell = threading.Thread(
            target=fetch.fetch,
            args=("toy", tmp_path),
            kwargs={"report": lambda event: waiting.set() if event.step == "waiting" else None},
        )
        tell.start()
        assert waiting.wait(10)
    tell.join()


def test_what_is_made_is_not_fetched(describe: Any, tmp_path: Path) -> None:
    describe()
    with pytest.raises(UsageError, match="toy is made, not downloaded"):
        fetch.fetch("toy", tmp_path)


def test_another_data_set_is_named_and_not_taken(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "404"), INSTEAD="toy-copy")
    assert "or take toy-copy, a data set of its own that a package index has" in failing(tmp_path)
    assert left(tmp_path) == {"toy"}


def test_a_file_of_one_s_own_that_cannot_be_read_is_not_taken_for_a_disk_that_cannot_be_written(
    describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(Source("https://first.invalid/file.bin", SHA, len(BODY)))
    mine, path_open = tmp_path / "mine.bin", Path.open
    mine.write_bytes(BODY)

    def opened(path: Path, *rest: Any, **more: Any) -> Any:
        if path == mine:
            raise PermissionError(13, "Permission denied")
        return path_open(path, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DataError, match=r"mine\.bin cannot be read \(Permission denied\); give --from"):
        fetch.take("toy", tmp_path / "data", mine)
