"""What is recommended, shown and written, and what is asked wrongly."""

import json
from pathlib import Path

import polars as pl
import pytest

from linrec_cli.cli import run


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"u{u},{(u + s) % 12},{s}\n" for u in range(9) for s in range(7))
    Path("log.csv").write_text(f"user,item,t\n{rows}")
    assert run(["train", "--data", "log.csv", "--model", "markov", "--min-item", "0", "--threads", "1"]) == 0


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
    for name, reader in (("top.parquet", pl.read_parquet), ("top.csv", pl.read_csv)):
        assert run(["recommend", "log-markov", "--k", "3", "-o", name]) == 0
        assert reader(name)["history"].unique().sort().to_list() == [f"u{n}" for n in range(9)]
        assert f"wrote 9 lists to {name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--user", "u11"], "no user 'u11' in the data of the run; did you mean u1"),
        (["--history", "3,40"], "no item '40' in the data of the run"),
        (["--user", "u1", "--history", "3"], "give one of --user, --history and --file"),
        ([], "give --user, --history, --file, or -o FILE for all users"),
        (["--user", "u1", "--seen", "perhaps"], "no choice of --seen 'perhaps'"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    trained: None, capsys: pytest.CaptureFixture[str], asked: list[str], message: str
) -> None:
    capsys.readouterr()
    assert run(["recommend", "log-markov", *asked]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


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
