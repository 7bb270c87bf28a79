"""Names that say whose they are, and what dead processes left, which goes with the next that comes by."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import current_process
from pathlib import Path

import pytest

from linrec_cli import temporary

ROOM = """
import sys
from linrec_cli import temporary
print(temporary.room(), flush=True)
(temporary.room() / "file").touch()
sys.stdin.read()
"""


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that have a temporary folder each; what they left is on `tmp_path`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", ROOM], **how) for _ in range(2)]
    yield started
    for one in started:
        one.kill()
        one.wait()
        one.stdin.close()
        one.stdout.close()


def test_a_process_finds_what_killed_ones_left_and_leaves_what_others_have(
    rooms: list[subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, lives = (Path(one.stdout.readline().strip()) for one in rooms)
    assert killed.parent == lives.parent == tmp_path
    rooms[0].kill()
    rooms[0].wait()
    (tmp_path / "linrec-results").mkdir()
    elsewhere = tmp_path / killed.name.replace(temporary.host(), "0" * 6)
    elsewhere.mkdir()
    assert killed.exists()
    assert temporary.dead(killed.name)
    assert not temporary.alive(killed.name)
    assert temporary.alive(lives.name)
    assert not temporary.dead(lives.name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary.tidy()
    assert not killed.exists()
    assert (lives / "file").exists()
    assert elsewhere.exists()
    assert (tmp_path / "linrec-results").exists()
    rooms[1].stdin.close()
    assert rooms[1].wait() == 0
    assert not lives.exists()


def test_a_name_of_this_process_is_of_no_other_and_of_no_dead_one() -> None:
    name = temporary.beside(Path("here/table.parquet")).name
    assert name.startswith(".table.parquet.")
    assert name.endswith(".part")
    assert not temporary.dead(name)
    assert not temporary.alive(name)


@pytest.mark.parametrize("name", [".a.part", ".a.-zzzzzz-1-.part", ".a.-000000-1-.part"])
def test_of_names_without_an_owner_here_nothing_is_known(name: str) -> None:
    assert not temporary.alive(name)
    assert not temporary.dead(name)


def test_two_names_beside_one_file_differ() -> None:
    assert temporary.beside(Path("a")) != temporary.beside(Path("a"))


@pytest.mark.parametrize(("length", "known"), [(80, True), (81, False)])
def test_the_socket_of_a_server_stands_in_the_room_where_its_path_is_short_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, known: bool
) -> None:
    config: dict[str, str] = vars(current_process())["_config"]
    monkeypatch.setitem(config, "tempdir", "as it was")
    del config["tempdir"]
    made = str(tmp_path / "room")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: made)
    monkeypatch.setattr(temporary, "LONGEST", len(made) + 80 - length)
    assert str(temporary.room.__wrapped__()) == made
    assert config.get("tempdir") == (made if known else None)
