"""Inputs altered at random are read or refused, whichever reader gets them; a few of each, always the same."""

import io
import random

import polars as pl
import pytest
from faults import _mutate, _readers, bits, fuzz

from linrec_cli import seal
from linrec_cli.errors import DataError
from linrec_cli.results import store
from linrec_cli.settings import Evaluate

INPUTS = {"specs": 60, "config": 40, "lists": 30}
"""Of the quick ones more; of the others a dozen."""


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A folder with a finished training, one that was cut short, and a profile."""
    folder = tmp_path_factory.mktemp("fuzz") / "here"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(bits, "USERS", 12)
        patch.setattr(bits, "EVENTS", 14)
        patch.setattr(bits, "ITEMS", 40)
        patch.setattr(bits, "AMONG", Evaluate(k=(1, 10)))
        _readers.left()
    return folder


@pytest.mark.parametrize("name", [*_readers.readers()])
def test_every_reader_reads_or_refuses(name, left, monkeypatch):
    monkeypatch.chdir(left)
    monkeypatch.setattr("sys.stdin", None)
    reader = _readers.readers()[name]()
    assert {fuzz.outcome(reader, seed, random.Random(0)) for seed in reader.seeds} <= {("read", ""), ("refused", "")}
    found = [fuzz.outcome(reader, *fuzz.made(reader, name, 0, number)) for number in range(INPUTS.get(name, 12))]
    assert [why for what, why in found if what == "uncaught"] == []
    assert {"refused"} <= {what for what, _ in found} or name in ("stream", "history", "ranks", "table")


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), pl.exceptions.ComputeError("x"), SystemExit(1)])
def test_what_is_no_error_of_linrecs_is_counted(error):
    def read(content, chance):
        raise error if content else DataError("empty")

    reader = _readers.Reader([b""], read)
    assert fuzz.outcome(reader, b"x", random.Random(0))[0] == "uncaught"
    assert fuzz.outcome(reader, b"", random.Random(0)) == ("refused", "")


def test_the_same_number_makes_the_same_input_and_another_another():
    reader = _readers.Reader([b"user,item\n1,2\n3,4\n"], print)
    made = [[fuzz.made(reader, "csv", seed, number)[0] for number in range(50)] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]
    assert len({*made[0]}) > 40
    assert len(fuzz.made(reader, "csv", 0, fuzz.RARE - 1)[0]) > fuzz.LARGE // 2


def test_an_altered_file_is_sealed_anew_so_that_it_is_parsed(tmp_path):
    path = tmp_path / store.TABLE
    store.write_frame(pl.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}), path)
    whole, parsed = path.read_bytes(), 0
    for number in range(40):
        path.write_bytes(_mutate.table(random.Random(number), [whole]))
        assert seal.whole(path)
        try:
            pl.read_parquet(io.BytesIO(path.read_bytes()))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            continue
        parsed += 1
    assert parsed > 20


def test_a_child_that_dies_or_hangs_is_counted_and_the_next_input_is_read(tmp_path, monkeypatch, capsys):
    """A child that ends at input 2 by itself and at 4 by its timer, and reads what else there is."""
    script = tmp_path / "child.py"
    script.write_text("""
import json, os, signal, sys
first = int(sys.argv[sys.argv.index("--first") + 1])
for number in range(first, 8):
    open("at", "w").write(json.dumps([number, {"read": number - first}, number]))
    if number in (2, 4):
        os.kill(os.getpid(), signal.SIGABRT if number == 2 else signal.SIGPROF)
    print(json.dumps([number, "why"]))
open("at", "w").write(json.dumps([8, {"read": 8 - first}, 5 << 20]))
""")
    monkeypatch.setattr(fuzz, "__file__", str(script))
    monkeypatch.setattr("sys.argv", ["fuzz.py", "--inputs", "8"])
    row = fuzz.counted("odd", fuzz.arguments(), tmp_path)
    assert [row[name] for name in ("inputs", "read", "hangs", "ended", "mib")] == [8, 6, 1, 1, 5.0]
    said = capsys.readouterr().out
    assert "odd 2 (1 times): ended (-6)" in said
    assert "odd 4 (1 times): hangs (-27)" in said
