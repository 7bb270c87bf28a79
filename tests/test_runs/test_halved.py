"""A cell whose memory runs out is tried once more with half of its positions a batch, where that was asked for."""

import importlib
import multiprocessing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from linrec_cli import runs
from linrec_cli.cli import run
from linrec_cli.profiling import isolate
from linrec_cli.results import store
from linrec_cli.runs import events, halved
from linrec_cli.settings import Train

module = importlib.import_module("linrec_cli.runs.sweep")
alone = importlib.import_module("linrec_cli.runs.attempt")


@pytest.fixture
def narrow(monkeypatch):
    """Let memory hold batches of so many positions alone; give those that were tried."""
    tried, most, real = [], [50], alone.train

    def train(settings, *rest, **more):
        tried.append(settings.tokens)
        if settings.tokens > most[0]:
            raise MemoryError
        return real(settings, *rest, **more)

    monkeypatch.setattr(alone, "train", train)
    return tried, most


@pytest.mark.parametrize(
    ("tokens", "maxlen", "expected"), [(200, 20, 100), (21, 20, 10), (20, 20, None), (8, 20, None)]
)
def test_half_the_positions_unless_a_batch_is_one_window(tokens, maxlen, expected):
    cell = Train(tokens=tokens, maxlen=maxlen, seed=3)
    assert halved.halved(cell) == (expected and replace(cell, tokens=expected))
    said = halved.advice(cell)
    assert (
        (f"--tokens {expected} " in said and "--fit" in said) if expected else said.startswith("give a lower --maxlen")
    )


@pytest.mark.parametrize(("most", "tried", "ok"), [(50, [100, 50], True), (49, [100, 50], False), (100, [100], True)])
def test_it_is_tried_once_more_and_no_oftener(file, here, narrow, capsys, monkeypatch, most, tried, ok):
    narrow[1][:] = [most]
    # In a process of its own each time: what the kernel kills is not this one.
    monkeypatch.setattr(module, "apart", alone.attempt)
    monkeypatch.setattr(module, "attempt", None)
    small = ["--maxlen", "20", "--width", "8", "--layers", "1", "--epochs", "1", "--threads", "1", "--device", "cpu"]
    code = run(["train", "--data", "ring.csv", *small, "--tokens", "100", "--fit"])
    said = capsys.readouterr().err
    assert (code, narrow[0]) == (0 if ok else 4, tried)
    assert ("memory ran out; once more with --tokens 50: ring-sasrec-linear-20-s0-" in said) == (len(tried) > 1)
    table = store.read(here / "results")
    assert {row["run"] for row in table.filter(status="oom").to_dicts()} == {
        one.parent.name
        for one in here.glob("results/runs/*/table.parquet")
        if not (one.parent / "weights.safetensors").exists()
    }
    assert (table["status"] == "ok").any() == ok


def test_unasked_it_is_a_row_that_says_what_would_fit(file, here, narrow, capsys):
    small = ["--maxlen", "20", "--width", "8", "--layers", "1", "--epochs", "1", "--threads", "1", "--device", "cpu"]
    # Where the data are prepared too, the run has a process of its own.
    assert run(["preprocess", "ring.csv"]) == 0
    assert run(["train", "--data", "ring.csv", *small, "--tokens", "100"]) == 4
    assert narrow[0] == [100]
    (note,) = store.read(here / "results")["note"]
    assert note == "MemoryError; --tokens 50 takes about half as much a batch, and --fit tries it once"
    assert note in capsys.readouterr().err


def test_of_several_cells_those_that_failed_alone_are_tried_again_in_their_places(here, data, quick, heard, narrow):
    cells = [module.settled(quick(tokens=tokens, epochs=1, lr=lr), data) for tokens, lr in ((50, 1e-3), (100, 2e-3))]
    cells.append(replace(cells[1], lr=3e-3, tokens=40))
    tables = [next(iter(runs.sweep([cell], data, here / "results"))) for cell in cells]
    found, made = halved.again(cells, tables, lambda some: runs.sweep(some, data, here / "results"), heard)
    assert found == [cells[0], replace(cells[1], tokens=50), cells[2]]
    assert [table["run"][0] for table in made] == [cell.name for cell in found]
    assert made[0] is tables[0]
    assert all((table["status"] == "ok").any() for table in made)
    assert heard == [events.Halved(found[1].name, 50)]


@pytest.mark.parametrize(
    ("code", "before", "expected"), [(-9, 3, True), (-9, 4, False), (-9, None, True), (9, 3, False)]
)
def test_a_child_is_starved_where_the_kernel_killed_one_since(monkeypatch, code, before, expected):
    monkeypatch.setattr(isolate, "kills", lambda: 4)
    assert isolate.starved(code, before) == expected


def test_a_cell_of_several_whose_process_was_killed_for_want_of_memory_is_told_what_fits(
    here, data, quick, heard, monkeypatch
):
    monkeypatch.setattr(isolate, "kills", iter((1, 2)).__next__)
    process = SimpleNamespace(start=lambda: None, join=lambda: None, exitcode=-9, pid=1)
    server = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=lambda **_: process)
    monkeypatch.setattr(isolate, "server", lambda: server)
    module.apart(module.settled(quick(tokens=100), data), data, here / "run", False, heard)
    (row,) = store.read_table(here / "run" / store.TABLE).to_dicts()
    assert (row["status"], row["note"].partition(", which the")[0]) == ("oom", "ended by SIGKILL")
    assert "--tokens 50" in row["note"]
