"""What is recommended, shown and written, and what is asked wrongly."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from linrec_cli.cli import run


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, beside its log; nobody writes here."""
    folder = tmp_path_factory.mktemp("recommend")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rows = "".join(f"u{u},{(u + s) % 12},{s}\n" for u in range(9) for s in range(7))
        Path("log.csv").write_text(f"user,item,t\n{rows}")
        assert run(["train", "--data", "log.csv", "--model", "markov", "--min-item", "0", "--threads", "1"]) == 0
    return folder


@pytest.fixture
def trained(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_a_history_is_followed_by_what_followed_it(trained: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", "log-markov", "--history", "3,4", "--k", "2", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["recommended"]
    assert [(row["history"], row["rank"]) for row in made] == [(1, 1), (1, 2)]
    assert made[0]["item"] == 5
    assert run(["recommend", "log-markov", "--history", "3,4", "--k", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.split()[:6] == ["Recommended", "for", "rank", "item", "title", "score"]
    assert "Items of the history are left out." in shown


def test_users_are_named_and_all_of_them_are_written(trained: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", "log-markov", "--user", "u3", "--user", "u1", "--k", "1", "--json"]) == 0
    assert [row["history"] for row in json.loads(capsys.readouterr().out)["recommended"]] == ["u3", "u1"]
    for name, reader in (("top.parquet", pl.read_parquet), ("top.CSV", pl.read_csv)):
        assert run(["recommend", "log-markov", "--k", "3", "-o", name]) == 0
        assert reader(name)["history"].unique().sort().to_list() == [f"u{n}" for n in range(9)]
        assert f"wrote 9 lists to {name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--user", "u11"], "no user 'u11' in the data of the run; did you mean u1"),
        (["--history", "3,40"], "no item '40' in the data of the run"),
        (["--user", "u1", "--history", "3"], "give one of --user, --history, --file and --stream"),
        (["--user", "u1", "--stream"], "give one of --user, --history, --file and --stream"),
        ([], "give --user, --history, --file, --stream, or -o FILE for all users"),
        (["--stream", "-o", "top.csv"], "--stream answers on stdout"),
        (["--stream"], "model 'markov' cannot read events one by one; those that can: "),
        (["-o", "top.json"], "top.json is no .parquet or .csv file; name one."),
        (["--user", "u1", "--seen", "perhaps"], "no choice of --seen 'perhaps'"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    trained: None, capsys: pytest.CaptureFixture[str], asked: list[str], message: str
) -> None:
    capsys.readouterr()
    assert run(["recommend", "log-markov", *asked]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_items_of_the_history_are_left_out_or_not_as_asked(trained: None, capsys: pytest.CaptureFixture[str]) -> None:
    for seen, there in (("remove", False), ("rank", True)):
        assert run(["recommend", "log-markov", "--history", "3,4,5", "--k", "12", "--seen", seen, "--json"]) == 0
        made = json.loads(capsys.readouterr().out)["recommended"]
        assert (len(made), 4 in {row["item"] for row in made}) == ((12, True) if there else (9, False))


@pytest.mark.parametrize("content", ["user_id,age\nu4,3\nu2,5\n", "who\nu4\nu2\n"])
def test_users_of_a_file_are_recommended_to(trained: None, content: str) -> None:
    Path("users.csv").write_text(content)
    assert run(["recommend", "log-markov", "--file", "users.csv", "--k", "1", "-o", "top.csv"]) == 0
    assert pl.read_csv("top.csv")["history"].to_list() == ["u4", "u2"]


def test_a_file_without_users_is_one_line(trained: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("users.csv").write_text("a,b\n1,2\n")
    for name, message in (("users.csv", "has no column of users among a, b"), ("none.csv", "cannot be read")):
        assert run(["recommend", "log-markov", "--file", name]) == 3
        assert message in capsys.readouterr().err.splitlines()[-1]


def streamed(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes, *more: str) -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    code: int = run(["recommend", "ring-sasrec-softmax", "--stream", "--k", "3", *more])
    return code


def test_each_line_of_a_stream_is_answered_by_one(
    trained_once: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Some shells put a byte order mark in front.
    assert streamed(monkeypatch, trained_once, b"\xef\xbb\xbfnew i3\nu1\ti4\n") == 0
    plain = capsys.readouterr()
    (user, items), (other, _) = (text.split("\t") for text in plain.out.splitlines())
    assert (user, other) == ("new", "u1")
    assert plain.err.splitlines()[-1].startswith("read 2 lines of 2 users, ")
    assert run(["recommend", "ring-sasrec-softmax", "--history", "i3", "--k", "3", "--json"]) == 0
    assert items.split(",") == [row["item"] for row in json.loads(capsys.readouterr().out)["recommended"]]


def test_lines_that_hold_no_event_are_told_and_answered(
    trained_once: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streamed(monkeypatch, trained_once, b"new i3\nnew i33\nnew \xff\nnew i4\n", "--json") == 3
    told = capsys.readouterr()
    first, unknown, strange, last = map(json.loads, told.out.splitlines())
    assert first.keys() == {"user", "items", "scores"}
    assert [one["items"] for one in (unknown, strange)] == [first["items"]] * 2
    assert unknown["error"] in told.err
    assert len(last["items"]) == len(last["scores"]) == 3
    assert last["scores"] != first["scores"]
    assert "linrec: line 2: no item 'i33' in the data of the run; did you mean i3" in told.err
    assert told.err.splitlines()[-1] == "linrec: 2 of 4 lines held no event that the run knows; mend them."


def test_answers_are_not_held_back(trained_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed = len(self.getvalue())

    shown, seen = Shown(), []

    class Typed:
        def __iter__(self) -> Iterator[bytes]:
            for line in (b"new i3\n", b"new i4\n"):
                seen.append(shown.getvalue().count("\n") - (shown.flushed != len(shown.getvalue())))
                yield line

    monkeypatch.chdir(trained_once)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=Typed()))
    monkeypatch.setattr("sys.stdout", shown)
    assert run(["recommend", "ring-sasrec-softmax", "--stream"]) == 0
    assert seen == [0, 1]


def test_one_line_of_one_user_is_told_in_the_singular(
    trained_once: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streamed(monkeypatch, trained_once, b"new i3\n") == 0
    assert capsys.readouterr().err.splitlines()[-1].startswith("read 1 line of 1 user, ")
    assert run(["recommend", "ring-sasrec-softmax", "--history", "i3", "-o", "one.csv"]) == 0
    assert "wrote 1 list to one.csv" in capsys.readouterr().err


def test_a_stdin_that_is_closed_is_an_empty_one(
    trained_once: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained_once)
    monkeypatch.setattr("sys.stdin", None)
    assert run(["recommend", "ring-sasrec-softmax", "--stream"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "read 0 lines of 0 users"
