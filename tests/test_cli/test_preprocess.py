"""The door `linrec preprocess`."""

import json
import subprocess
import sys

import pytest

from linrec_cli.cli import run


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "log.csv"
    path.write_text("who,what,ts\n" + "".join(f"{u},{i},{i // 2}\n" for u in range(6) for i in range(8)))
    return path


def test_it_shows_what_is_there_in_80_columns(log, capsys):
    assert run(["preprocess", "log.csv", "--user", "who", "--item", "what"]) == 0
    out, err = capsys.readouterr()
    assert all(len(line) <= 80 for line in out.splitlines())
    for fact in ("48", "digest", "median", "57.1 %", "100.0 %", "datasets/log/prepared-"):
        assert fact in out
    assert "columns: user = who, item = what, time = ts" in err


def test_two_sources_are_one_too_many(log, capsys):
    assert run(["preprocess", "log.csv", "--train", "other.csv"]) == 2
    assert "--train other.csv and log.csv are two data sets; name one" in capsys.readouterr().err
    assert run(["preprocess", "--train", "log.csv", "--user", "who", "--item", "what"]) == 0


def test_json_is_all_there_is_on_stdout(log, capsys):
    assert run(["preprocess", "log.csv", "--user", "who", "--item", "what", "--json", "--data-dir", "here"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["users"], card["items"], card["interactions"], card["name"]) == (6, 8, 48, "log")
    assert card["folder"].startswith("here/log/prepared-")


def test_minima_filter(log, capsys):
    assert run(["preprocess", "log.csv", "--user", "who", "--item", "what", "--min-item", "7"]) == 3
    assert "--min-item 7; lower them" in capsys.readouterr().err


def test_without_times_there_is_no_line_on_what_takes_times(log, capsys):
    log.write_text("user,item\n" + "1,1\n1,2\n2,1\n2,2\n")
    assert run(["preprocess", "log.csv", "--min-user", "0", "--min-item", "0"]) == 0
    out = capsys.readouterr().out
    assert "No times: events are in the order of the file." in out
    assert "–" not in out
    assert "neighbours" not in out
    assert "with fewer than 3 events, never split" in out


def test_users_and_items_that_were_left_out_are_counted_with_the_reason(log, capsys):
    log.write_text(log.read_text() + "100,0,1\n101,0,1\n102,77,1\n")
    named = ["preprocess", "log.csv", "--user", "who", "--item", "what"]
    assert run(named) == 0
    said = "Left out until all have enough: 3 users with fewer than 5 events and 1 item with fewer than 5 events"
    assert said in " ".join(capsys.readouterr().out.split())
    assert run([*named, "--min-user", "0", "--min-item", "0"]) == 0
    assert "Left out" not in capsys.readouterr().out


def test_malformed_rows_are_counted_apart_from_those_read(log, capsys):
    log.write_text(log.read_text() + "1,,2\n1,,3\n")
    for _ in range(2):
        assert run(["preprocess", "log.csv", "--user", "who", "--item", "what", "--skip-bad"]) == 0
        head, numbers = (line.split() for line in capsys.readouterr().out.splitlines()[2:5:2])
        assert head[:4] == ["rows", "read", "malformed", "dropped"]
        assert numbers[:3] == ["48", "2", "0"]
    log.write_text(log.read_text()[: -len("1,,2\n1,,3\n")])
    assert run(["preprocess", "log.csv", "--user", "who", "--item", "what"]) == 0
    assert "malformed" not in capsys.readouterr().out


def test_one_of_something_is_told_in_the_singular(log, capsys):
    log.write_text("user,item,t\n1,1,1\n1,2,2\n1,3,3\n")
    assert run(["preprocess", "log.csv", "--min-user", "0", "--min-item", "0"]) == 0
    out, err = capsys.readouterr()
    assert " 1 user " in " ".join(out.split())
    assert "hardly anything to tell models by: 1 user and 3 items" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no data set 'nothing'"),
        (["nothing.csv"], 3, "there is no file"),
        (["log.csv"], 3, "give --user"),
        (["log.csv", "--user", "x"], 2, "no column 'x'"),
        (["log.csv", "--min-user", "-1"], 2, "min-user"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(log, capsys, arguments, code, message):
    assert run(["preprocess", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("linrec: ")
    assert err.count("linrec:") == 1


@pytest.mark.parametrize("word", ["foo", "Drop", "keep,drop"])
def test_what_to_do_with_what_stands_twice_is_one_of_three_words(log, capsys, word):
    assert run(["preprocess", "log.csv", "--user", "who", "--item", "what", "--duplicates", word]) == 2
    assert "keep, drop" in capsys.readouterr().err


def test_events_that_stand_twice_are_told_by_every_command_that_prepares_them(log, capsys):
    head, *rows = log.read_text().splitlines()
    log.write_text("\n".join([head, *(row for row in rows for _ in range(2))]) + "\n")
    named, told = ["log.csv", "--user", "who", "--item", "what"], "50 % of the events stand twice, time and all"
    train = ["train", "--model", "popular", "--threads", "1", "--data"]
    for command in (["preprocess"], train):
        assert run([*command, *named]) == 0
        assert told in " ".join(capsys.readouterr().err.split())
        assert run([*command, *named, "--duplicates", "drop"]) == 0
        assert "stand twice" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [["preprocess", ""], ["train", "--data", " "]])
def test_data_without_a_name_are_asked_for(log, capsys, command):
    assert run(command) == 2
    assert "no data are named; give a name of `linrec download --list`, or files." in capsys.readouterr().err


def test_malformed_rows_are_refused_and_can_be_left_out(log, capsys):
    log.write_text(log.read_text() + "1,,2\n")
    command = ["preprocess", "log.csv", "--user", "who", "--item", "what"]
    assert run(command) == 3
    assert "line 50: no item" in capsys.readouterr().err
    assert run([*command, "--skip-bad"]) == 0
    assert "1 malformed row skipped" in capsys.readouterr().err


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys; from linrec_cli.cli import preprocess;"
        "print([m for m in ('torch', 'polars', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parts_that_overlap_in_time_are_pointed_at(log, tmp_path, capsys):
    names = {"train": (0, 3, 4), "valid": (2, 5), "test": (6,)}
    for name, times in names.items():
        (tmp_path / name).write_text("user,item,t\n" + "".join(f"{u},{t},{t}\n" for u in range(7) for t in times))
    split = [word for name in names for word in (f"--{name}", name)]
    assert run(["preprocess", *split]) == 0
    said = capsys.readouterr().err
    assert "7 events come in a later part than one that happened later" in said
    (tmp_path / "valid").write_text((tmp_path / "valid").read_text().replace(",2,2", ",5,5"))
    assert run(["preprocess", *split]) == 0
    assert "overlap in time" not in capsys.readouterr().err
