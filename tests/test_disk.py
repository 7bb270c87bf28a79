"""Files are there whole or not at all, folders belong to one process, and TOML comes back as it was written."""

import errno
import os
import resource
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from linrec_cli import disk, temporary
from linrec_cli.errors import DataError

HOLD = """
import sys
from pathlib import Path
from linrec_cli import disk, temporary
with disk.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_until_all_is_written_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.txt"
    with disk.whole(path) as part:
        part.write_text("old")
    with disk.whole(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == path.parent
    assert files(path.parent) == {"a.txt": "new"}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.txt").write_text("old")

    def go_wrong(part: Path) -> None:
        part.write_text("half")
        raise error

    with pytest.raises(error), disk.whole(tmp_path / "a.txt") as part:
        go_wrong(part)
    assert files(tmp_path) == {"a.txt": "old"}


def test_two_at_once_do_not_write_into_each_other(tmp_path: Path) -> None:
    with disk.whole(tmp_path / "a") as one, disk.whole(tmp_path / "a") as other:
        one.write_text("one")
        other.write_text("other")
    assert files(tmp_path) == {"a": "one"}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_and_folders_follow_the_umask_whoever_makes_them(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with disk.whole(tmp_path / "a") as part:
            part.unlink()
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
        with disk.whole_folder(tmp_path / "b") as room:
            (room / "c").touch()
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "b", "b/c")]
    assert modes == [0o666 & ~umask, 0o777 & ~umask, 0o666 & ~umask]


def test_a_folder_is_replaced_as_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder"
    for name in ("old", "new"):
        with disk.whole_folder(path) as room:
            (room / name).write_text(name)
            assert not path.exists() or files(path) == {"old": "old"}
    assert files(path) == {"new": "new"}
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_goes_wrong_leaves_the_old_one(tmp_path: Path) -> None:
    with disk.whole_folder(tmp_path / "a") as room:
        (room / "old").write_text("old")
    with pytest.raises(DataError, match="Is a directory"), disk.whole_folder(tmp_path / "a") as room:
        room.write_text("no file")
    assert files(tmp_path / "a") == {"old": "old"}
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("way", [disk.whole, disk.whole_folder, disk.locked])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, way: type) -> None:
    (tmp_path / "file").write_text("in the way")
    told = pytest.raises(DataError, match=r"^cannot write .*/file/a: (Not a directory|File exists); mend that .*\.$")
    with told, way(tmp_path / "file" / "a"):
        pass


def test_a_full_disk_says_so(tmp_path: Path) -> None:
    told = pytest.raises(DataError, match=r"a: No space left on device; free some room or choose another place\.$")
    with told, disk.whole(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert files(tmp_path) == {}


@pytest.fixture
def little_room() -> Iterator[None]:
    """Let no file grow beyond 4 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("library", ["polars", "safetensors"])
def test_libraries_that_tell_the_system_s_error_in_words_are_understood(tmp_path: Path, library: str) -> None:
    from safetensors.numpy import save_file

    noise = np.random.default_rng(0).random(9999)
    with pytest.raises(DataError, match="File too large; mend that"), disk.whole(tmp_path / "a") as part:
        pl.DataFrame({"a": noise}).write_parquet(part) if library == "polars" else save_file({"a": noise}, part)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_system_without_a_number_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a: of its own; mend that"), disk.whole(tmp_path / "a"):
        raise OSError("of\nits own")


def test_an_error_that_is_not_the_system_s_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^of the caller's own$"), disk.whole(tmp_path / "a"):
        raise ValueError("of the caller's own")


def test_a_folder_that_another_process_holds_is_told(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert disk.held(tmp_path / "run")
    whose = f"process {holder.pid} on {socket.gethostname()}"
    told = pytest.raises(disk.HeldError, match=rf"another process is at work on .*/run; wait for {whose}, or stop it")
    with told, disk.locked(tmp_path / "run"):
        pass
    with disk.locked(tmp_path / "other"):
        pass
    holder.stdin.close()
    holder.wait()
    with disk.locked(tmp_path / "run"):
        assert disk.held(tmp_path / "run")
    assert not disk.held(tmp_path / "run")


def test_a_hold_ends_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with disk.locked(tmp_path / "run"):
        assert disk.held(tmp_path / "run")


def test_what_killed_processes_left_goes_when_the_folder_is_held_and_what_living_ones_write_stays(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    mine, folder = temporary.beside(tmp_path / "a").name, tmp_path / "left"
    folder.mkdir()
    living = mine.replace(f"-{os.getpid()}-", f"-{holder.pid}-")
    for name in (mine, living, mine.replace(temporary.host(), "0" * 6), ".old.1234.part", "download.part", ".hidden"):
        (folder / name).touch()
    (folder / ".folder.1234.part").mkdir()
    (folder / ".folder.1234.part" / "file").touch()
    with disk.locked(folder):
        pass
    assert {path.name for path in folder.iterdir()} == {living, "download.part", ".hidden", disk.LOCK}
    holder.kill()
    holder.wait()
    with disk.locked(folder):
        assert {path.name for path in folder.iterdir()} == {"download.part", ".hidden", disk.LOCK, disk.HOLDER}


@pytest.mark.parametrize("way", [disk.whole, disk.whole_folder])
def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again(
    tmp_path: Path, holder: subprocess.Popen[str], way: type
) -> None:
    name = temporary.beside(tmp_path / "a").name.replace(f"-{os.getpid()}-", f"-{holder.pid}-")
    others = {name.replace(".a.", ".b."), ".a.1234.part"}
    for one in (name, *others):
        (tmp_path / one).touch()
    with way(tmp_path / "a"):
        assert (tmp_path / name).exists()
    holder.kill()
    holder.wait()
    with way(tmp_path / "a"):
        pass
    assert {path.name for path in tmp_path.iterdir()} - {"run"} == {"a"} | others


def test_who_holds_a_folder_stands_there_meanwhile(tmp_path: Path) -> None:
    assert disk.holder(tmp_path) == ""
    (tmp_path / disk.HOLDER).write_text("one word too many")
    assert disk.holder(tmp_path) == ""
    with disk.locked(tmp_path):
        assert disk.holder(tmp_path) == f"process {os.getpid()} on {socket.gethostname()}"
        assert disk.held(tmp_path)
        assert disk.holder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {disk.LOCK}


def test_who_waits_says_so_and_goes_on_when_the_other_is_done(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    told: list[bool] = []

    def waiting() -> None:
        told.append(disk.held(tmp_path / "run"))
        holder.stdin.close()

    with disk.locked(tmp_path / "run", waiting):
        assert holder.wait() == 0
    assert told == [True]


def test_nobody_waits_for_a_free_folder(tmp_path: Path) -> None:
    with disk.locked(tmp_path / "run", lambda: pytest.fail("waited for nobody")):
        assert disk.held(tmp_path / "run")


def test_threads_keep_each_other_out_too(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with disk.locked(tmp_path, lambda: None):
            inside += 1
            most = max(most, inside)
            os.sched_yield()
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_who_only_asks_whether_a_folder_is_held_keeps_nobody_from_it(tmp_path: Path) -> None:
    asked = FileLock(tmp_path / disk.LOCK, thread_local=False)
    asked.acquire()
    threading.Timer(0.05, lambda: asked.release(force=True)).start()
    with disk.locked(tmp_path):
        assert disk.held(tmp_path)


def test_folders_that_are_put_in_one_place_at_once_are_each_whole_there(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def put(number: int) -> None:
        try:
            for _ in range(40):
                with disk.whole_folder(tmp_path / "a") as room:
                    for name in ("one", "two"):
                        (room / name).write_text(str(number))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    one, two = files(tmp_path / "a").values()
    assert one == two


def test_asking_who_holds_a_folder_writes_nothing(tmp_path: Path) -> None:
    assert not disk.held(tmp_path)
    assert not disk.held(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refusal", [NotImplementedError(), OSError(errno.EOPNOTSUPP, "no locks here")])
def test_where_nothing_can_be_locked_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def acquire(lock: FileLock, timeout: float) -> None:
        raise refusal

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with pytest.warns(UserWarning, match="that locks nothing; let no other command work there"), disk.locked(tmp_path):
        worked = True
    assert worked


def test_one_of_another_machine_that_did_not_say_it_ended_is_told_and_what_it_writes_stays(tmp_path: Path) -> None:
    mine = temporary.beside(tmp_path / "a").name
    theirs = mine.replace(temporary.host(), "0" * 6)
    for name, text in ((disk.HOLDER, "12 elsewhere"), (disk.LOCK, ""), (mine, ""), (theirs, "")):
        (tmp_path / name).write_text(text)
    assert not disk.held(tmp_path)
    told = pytest.warns(UserWarning, match="process 12 on elsewhere did not say that it ended its work on .*stop this")
    with told, disk.locked(tmp_path):
        assert disk.holder(tmp_path) == f"process {os.getpid()} on {socket.gethostname()}"
    assert set(files(tmp_path)) == {disk.LOCK, mine, theirs}
    with disk.locked(tmp_path):
        assert set(files(tmp_path)) == {disk.LOCK, disk.HOLDER}


def test_one_of_this_machine_that_runs_though_its_lock_does_not_hold_is_told(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    (tmp_path / disk.HOLDER).write_text(f"{holder.pid} {socket.gethostname()}")
    with pytest.warns(UserWarning, match=f"process {holder.pid} on "), disk.locked(tmp_path):
        pass
    (tmp_path / disk.HOLDER).write_text(f"{holder.pid} {socket.gethostname()}")
    holder.kill()
    holder.wait()
    with disk.locked(tmp_path):
        pass


def test_what_may_not_be_written_cannot_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / disk.LOCK).touch()

    def acquire(lock: FileLock, timeout: float) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    assert not disk.held(tmp_path)
    with pytest.raises(DataError, match="Read-only file system"), disk.locked(tmp_path):
        pass


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PLAIN = st.one_of(TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False))
TABLE = st.dictionaries(TEXT, PLAIN, max_size=3)


@settings(max_examples=50)
@given(st.dictionaries(TEXT, st.one_of(PLAIN, st.lists(PLAIN, max_size=3), TABLE), max_size=3))
def test_toml_comes_back_as_it_was_written(content: dict[str, object]) -> None:
    assert tomllib.loads(disk.toml(content)) == content


def test_what_is_none_is_left_out_and_order_is_kept() -> None:
    content = {"b": 1, "gone": None, "a": "é", "t": {"gone": None, "x": [1.5, 2.0]}, "run": ("p", "q")}
    assert tomllib.loads(disk.toml(content)) == {"b": 1, "a": "é", "t": {"x": [1.5, 2.0]}, "run": ["p", "q"]}
    assert disk.toml({"b": 1, "gone": None, "a": "é"}) == 'b = 1\na = "é"\n'


def test_toml_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes('a = "é"\n'.encode())
    assert disk.read_toml(tmp_path / "a.toml") == {"a": "é"}
    (tmp_path / "a.toml").write_bytes(b'a = "\xe9"\n')
    with pytest.raises(ValueError):
        disk.read_toml(tmp_path / "a.toml")


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("old")
    rename = Path.replace

    def refused(self: Path, target: Path) -> Path:
        if self.is_dir() and (self / "new").exists():
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(DataError, match="cannot write"), disk.whole_folder(tmp_path / "kept") as part:
        (part / "new").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "old"


def test_to_ask_whether_a_folder_is_held_removes_what_a_dead_holder_wrote_and_nothing_of_a_living_one(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    (tmp_path / disk.LOCK).touch()
    (tmp_path / disk.HOLDER).write_text(f"{holder.pid} {socket.gethostname()}\n", "utf-8")
    assert not disk.held(tmp_path)
    assert set(files(tmp_path)) == {disk.LOCK}
    with disk.locked(tmp_path):
        assert disk.held(tmp_path)
        assert disk.holder(tmp_path)
