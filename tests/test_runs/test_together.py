"""Several processes that train one run do what one would; the first alone writes, and one that ends ends all."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from linrec_cli import catalog, disk, runs
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.evaluation.top import top
from linrec_cli.processes import LostError
from linrec_cli.results import store
from linrec_cli.runs import events
from linrec_cli.runs.train import settled
from linrec_cli.settings import Evaluate, Train
from linrec_cli.training import checkpoint, fit

sys.path.insert(0, str(Path(__file__).parent))

import together

from conftest import ring

BASE = Train(attn="linear", maxlen=20, width=8, layers=1, epochs=2, tokens=200, dropout=0.0, lr=1e-2)
SHORT = replace(BASE, epochs=1)
EVERY = [
    BASE,
    # A row a batch: one of two processes has none.
    replace(SHORT, tokens=20, maxlen=10),
    replace(SHORT, loss="bce:negatives=2", weight_decay=0.1),
    replace(SHORT, loss="sampled:negatives=5", clip=0.5, ema=0.9),
    replace(SHORT, loss="gbce:negatives=5", objective="last"),
    replace(SHORT, model="bert4rec", attn="softmax"),
    replace(SHORT, model="markov", attn="", objective="", lr=Train.lr),
]


def alone(settings, data):
    parts = data.split("leave-one-out")
    state = fit.start(settings, data.sequences, parts)
    return [(one.loss, one.targets, one.ndcg) for one in fit.epochs(state, data.sequences, parts)], state.best


@pytest.mark.parametrize(("count", "every"), [(2, EVERY), (3, EVERY[:3])])
def test_losses_metrics_and_weights_are_those_of_one_process(data, count, every):
    # What is dropped cannot be the same, and what is drawn still is.
    dropping = replace(SHORT, dropout=0.5, loss="sampled:negatives=5")
    found = together.together(together.trained, [*every, dropping], ring(), count=count)
    for settings, *several in zip(every, *found, strict=False):
        history, weights = alone(settings, data)
        for own, best, digest in several:
            assert own == [pytest.approx(epoch, rel=1e-5, nan_ok=True) for epoch in history], settings
            assert digest == several[0][2]
            for name, value in weights.items():
                assert best[name] == pytest.approx(value.numpy(), rel=1e-3, abs=1e-4), (settings, name)
    assert len({one[-1][2] for one in found}) == 1


@pytest.mark.parametrize("count", [2, 3])
def test_each_history_is_ranked_by_one_process_and_all_have_the_ranks_of_one(data, count, monkeypatch):
    settings = settled(BASE, data)
    found = together.together(together.ranked, settings, ring(), count=count)
    parts = data.split("leave-one-out")
    model, some = fit.start(settings, data.sequences, parts).model, torch.arange(1, 6).repeat(len(parts.test), 1)
    own = (model, data.sequences, parts.test, 20)
    expected = [ranks(*own), ranks(*own, negatives=some), *top(model, data.sequences, 20, 7)]
    for tensors, _ in found:
        assert all(torch.equal(torch.from_numpy(one), other) for one, other in zip(tensors, expected, strict=True))
    assert sum(read for _, read in found) == 3 * len(parts.test)


def test_the_first_process_writes_and_the_table_says_how_many_there_were(here, data):
    found = together.together(together.run, BASE, ring(), here / "results")
    assert found[0] == found[1] > 0
    assert [path.name for path in here.iterdir()] == ["results"]
    (folder,) = (here / "results/runs").iterdir()
    assert {path.name for path in folder.iterdir() if path.name[0] != "."} == {
        *("history.parquet", "ranks.parquet", "settings.toml", "table.parquet", "weights.safetensors")
    }
    table = store.read_table(folder / store.TABLE)
    assert table["processes"].unique().to_list() == [2]
    assert runs.train(BASE, data).rows["processes"].unique().to_list() == [None]
    # Neither who finds a run done nor whom another one keeps from it leaves the others waiting.
    assert together.together(together.run, BASE, ring(), here / "results") == [0, 0]
    with disk.locked(folder):
        kept, let_go = together.together(together.run, replace(BASE, epochs=3), ring(), here / "results")
        assert (kept > 0, let_go) == (True, kept)
    with disk.locked(folder):
        (folder / store.TABLE).unlink()
        kept, let_go = together.together(together.run, BASE, ring(), here / "results")
    assert (type(kept), let_go) == (disk.HeldError, 0)


def test_a_signal_to_one_stops_all_at_a_batch_and_any_number_goes_on(here, data):
    settings = replace(BASE, epochs=3)
    first, second = together.together(together.run, settings, ring(), here / "results", together.stops)
    assert (first.code, second.code) == (143, 143)
    (folder,) = (here / "results/runs").iterdir()
    state = fit.start(settled(settings, data), data.sequences, data.split("leave-one-out"))
    checkpoint.load(state, folder)
    assert (state.steps(), state.at.processes) == (7, [2])
    history, _ = alone(settled(settings, data), data)
    # By three, who have only what the first gives them, then by one.
    ends = together.together(together.run, settings, ring(), here / "results", together.stops, count=3)
    assert {end.code for end in ends} == {143}
    checkpoint.load(state, folder)
    assert state.steps() == 14
    list(runs.sweep([settings], data, here / "results"))
    found = pl.read_parquet(folder / "history.parquet")
    assert found["loss"].to_list() == pytest.approx([loss for loss, _, _ in history], rel=1e-5)
    counts = found["processes"].to_list()
    assert counts[0][0] == 2
    assert counts[-1] == [1]
    table = store.read_table(folder / store.TABLE)
    row = table.row(by_predicate=pl.col("metric") == "seconds_per_epoch", named=True)
    alike = counts.count([1])
    assert len(row["samples"]) == alike < 3
    assert row["note"] == f"training alone; {alike} of 3 epochs, by as many processes"


ENDED = (
    "another process of the run ended, or gave no answer in 0.0166667 minutes; start the same command again to go on."
)
ENDS = [(together.dies, ENDED), (together.hangs, ENDED), (together.fills, "process 1 of 2: out of memory")]


@pytest.mark.parametrize(("end", "said"), ENDS)
def test_one_that_ends_or_hangs_ends_all_in_time_with_one_line_and_the_run_goes_on(here, data, end, said):
    settings, log = replace(BASE, epochs=4), here / "log"
    first, _ = together.together(together.impatient, settings, ring(), here / "results", end, log=log)
    assert isinstance(first, LostError)
    (line,) = [line for line in log.read_text().splitlines() if line.startswith("linrec: ")]
    assert line == f"linrec: {said}"
    (folder,) = (here / "results/runs").iterdir()
    assert not (folder / store.TABLE).exists()
    assert (folder / checkpoint.CHECKPOINT).is_file()
    list(runs.sweep([settings], data, here / "results"))
    history, _ = alone(settled(settings, data), data)
    found = pl.read_parquet(folder / "history.parquet")
    assert found["loss"].to_list() == pytest.approx([loss for loss, _, _ in history], rel=1e-5)


def test_clocks_that_differ_decide_nothing_apart(here, data):
    settings = replace(BASE, epochs=3, max_minutes=30.0)
    found = together.together(together.run, settings, ring(), here / "results", together.late)
    assert found[0] == found[1] > 0
    (folder,) = (here / "results/runs").iterdir()
    assert len(pl.read_parquet(folder / "history.parquet")) == 3


def test_an_evaluation_among_negatives_is_that_of_one_process_and_written_once(once, here, monkeypatch):
    (run,) = (path for path in (once / "results/runs").iterdir() if "evaluate" not in path.name)
    found = together.together(together.evaluated, run, here / "several", 4)
    monkeypatch.setattr(catalog.load("protocols", "uni100"), "NEGATIVES", 4)
    expected = runs.evaluate(run, settings=Evaluate(protocol="uni100"))
    for frame, counts in found:
        assert frame.equals(expected.ranks)
        assert counts == [2]
    assert len(list((here / "several/runs").iterdir())) == 1


def test_what_went_wrong_is_said_by_one_and_talk_is_the_firsts(here):
    found = together.together(together.fails, "the same", log=here / "log", count=3)
    assert sorted(found) == [False, False, True]
    assert (here / "log").read_text().splitlines().count("linrec: the same") == 1
    assert (here / "log").read_text().splitlines().count("talk") == 1


def test_torchrun_trains_what_one_process_does_and_shows_it_once(file, kept, here):
    given = ["--data", "ring.csv", "--attn", "linear", "--maxlen", "20", "--width", "8", "--layers", "1", "--epochs"]
    given += ["1", "--tokens", "200", "--dropout", "0", "--threads", "1", "--results-dir", "several"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "linrec_cli", "train", *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("test of the best validation epoch") == 1
    assert "several processes trained together" in " ".join(done.stdout.lower().split())
    assert done.stderr.count("epoch   1") == 1
    settings = replace(BASE, epochs=1, lr=1e-3, data="ring.csv")
    list(runs.sweep([settings], kept, here / "one"))
    (several,), (one,) = ([*(here / name / "runs").iterdir()] for name in ("several", "one"))
    assert several.name == one.name
    losses = [pl.read_parquet(path / "history.parquet")["loss"].to_list() for path in (several, one)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert store.read_ranks(several / store.RANKS).equals(store.read_ranks(one / store.RANKS))


# Sweeps over many machines


def test_workers_with_one_folder_train_each_cell_once_and_all_end_with_all(here):
    cells = [replace(SHORT, attn=attn, epochs=3) for attn in ("linear", "softmax", "elu", "mean")]
    found = together.together(together.swept, cells, ring(), here / "results", count=3, strangers=True)
    trained = [run for own, _ in found for run in own]
    assert len(trained) == len({*trained}) == len(cells)
    for _, every in found:
        assert sorted(every) == sorted(trained)
    assert len(store.read(here / "results")["run"].unique()) == len(cells)


def test_results_of_several_machines_are_merged_by_copying_folders(here, kept, heard):
    cells = [replace(SHORT, attn=attn, data="ring.csv") for attn in ("linear", "softmax")]
    for name, cell in zip("ab", cells, strict=True):
        list(runs.sweep([cell], kept, here / name))
        shutil.copytree(here / name / "runs", here / "merged" / "runs", dirs_exist_ok=True)
    tables = list(runs.sweep(cells, kept, here / "merged", watch=heard))
    assert [type(event) for event in heard] == [events.Skipped] * 2
    assert store.read(here / "merged").sort("run").equals(pl.concat(tables).sort("run"))
    for folder in (here / "merged" / "runs").iterdir():
        assert runs.evaluate(folder).ranks.height == 60
