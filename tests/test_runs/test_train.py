"""A training run: whole rows with or without a folder, and one that was cut short ends as one that was not."""

import importlib
import json
import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from unittest.mock import ANY

import polars as pl
import pytest

from linrec_cli import disk, machine, runs, usage
from linrec_cli.errors import LinrecError, UsageError
from linrec_cli.kernels._library import load
from linrec_cli.profiling import kernel
from linrec_cli.results import schema, store
from linrec_cli.runs import events
from linrec_cli.settings import resolved
from linrec_cli.training import checkpoint, fit, room
from linrec_cli.usage import Usage

FILES = {"settings.toml", "table.parquet", "history.parquet", "ranks.parquet", "weights.safetensors"}


def weights(result):
    return checkpoint.digest(result.model.state_dict())


def number(result, metric, stage="train", k=None):
    return result.rows.filter(pl.col("k").eq_missing(k), metric=metric, stage=stage)["value"].item()


def test_without_a_folder_nothing_touches_the_disk(here, data, quick):
    runs.train(quick(), data)
    assert not list(here.iterdir())


def test_a_training_does_not_begin_where_the_machine_has_no_room_for_its_model(here, data, quick, monkeypatch):
    monkeypatch.setattr(room, "memory", lambda device: 1000)
    with pytest.raises(UsageError, match="GB to train"):
        runs.train(quick(), data)


def test_every_row_says_how_it_was_made(really, data, quick):
    before = datetime.now(UTC)
    settings = quick(attn="softmax", seed=3, split="ratio", loss="bce")
    found = runs.train(settings, data)
    assert found.rows.schema == schema.COLUMNS
    own = machine.describe("cpu") | {
        "run": found.settings.name, "command": "train", "dataset": "ring", "data_digest": data.prepared.digest,
        "model": "sasrec", "objective": "next", "loss": "bce", "attention": "softmax", "options": "", "maxlen": 20,
        "width": 8, "seed": 3, "dtype": "float32", "threads": 1, "benchmark": schema.BENCHMARK,
    }  # fmt: skip
    assert found.rows.select(*own).unique().to_dicts() == [own]
    assert before.replace(microsecond=0) <= found.rows["created"].min() <= datetime.now(UTC)
    assert found.rows["kernel"].unique().item() in ("sdpa.flash", "sdpa.math")
    ranked = found.rows.drop_nulls("k")
    assert ranked.select("split", "protocol", "seen", "ties").unique().row(0) == ("ratio", "full", "rank", "mean")
    assert set(ranked.select("stage", "metric", "k").iter_rows()) == {
        (stage, metric, k)
        for stage in ("valid", "test") for metric in ("recall", "ndcg", "mrr") for k in (1, 5, 10, 20)
    }  # fmt: skip


def test_the_kernel_that_ran_stands_in_the_row_and_of_a_model_that_takes_no_step_none(really, data, quick):
    assert runs.train(quick(attn="cosformer"), data).rows["kernel"].unique().to_list() == ["eager"]
    compiled = ["eager" if load()[0] is None else "linrec::mix"]
    assert runs.train(quick(attn="linear"), data).rows["kernel"].unique().to_list() == compiled
    counted = runs.train(quick(model="popular", attn="auto"), data)
    assert counted.rows["kernel"].unique().to_list() == [""]
    assert counted.rows.select("attention", "objective").unique().row(0) == ("", "")


def test_the_threads_that_really_ran_stand_in_the_row(data, quick, monkeypatch):
    asked = []
    monkeypatch.setattr(machine, "prepare", asked.append)
    assert runs.train(quick(threads=3), data).rows["threads"].unique().to_list() == [1]
    assert asked == [3]


def test_the_data_fill_in_what_is_theirs(data, quick):
    asked = quick(data="another", data_digest="wrong", min_user=3, min_item=2, device="auto")
    found = runs.train(asked, data).settings
    assert (found.data, found.data_digest) == ("ring", data.prepared.digest)
    assert (found.min_user, found.min_item) == (5, 5)
    assert found.device == machine.device("auto")
    assert (found.attn, found.objective) == ("linear", "next")


def test_numbers_are_those_of_the_ranks(data, quick):
    found = runs.train(quick(), data)
    assert found.ranks.columns == ["stage", "user", "rank"]
    for stage in ("valid", "test"):
        ranks = found.ranks.filter(stage=stage)
        assert ranks["user"].to_list() == data.sequences.users.tolist()
        hits = [rank <= 5 for rank in ranks["rank"]]
        assert number(found, "recall", stage, 5) == pytest.approx(sum(hits) / len(hits))


def test_the_best_epoch_is_tested_and_not_the_last(data, quick):
    # At this rate the model is soon worse than it was.
    found = runs.train(quick(epochs=6, lr=0.05), data)
    values = found.history["ndcg"].to_list()
    best = values.index(max(values))
    assert 0 < best < len(values) - 1, "this shows nothing"
    assert number(found, "ndcg", "valid", 10) == pytest.approx(values[best])
    assert number(found, "best_epoch") == best + 1 == found.history["epoch"][best]


def test_what_a_run_took_is_in_its_rows(data, quick):
    found = runs.train(quick(), data)
    history = found.history
    assert number(found, "epochs") == history.height == 2
    assert number(found, "seconds_per_epoch") == pytest.approx(history["seconds"].median())
    assert number(found, "validation_seconds") == pytest.approx(history["validation_seconds"].median())
    spent = history["seconds"].sum() + history["validation_seconds"].sum()
    assert number(found, "seconds") == pytest.approx(spent)
    assert number(found, "parameters") == sum(p.numel() for p in found.model.parameters())
    # Of 25 events a user two are held out, and the first has no history.
    assert number(found, "targets_per_epoch") == history["targets"][0] == 60 * 22


TIMES = {"seconds_per_epoch", "validation_seconds", "seconds"}


@pytest.mark.parametrize(
    ("cpu", "aside", "contended"), [(1.0, 0, False), (0.5, 0, True), (1.0, 60, True), (math.nan, 0, None)]
)
def test_times_taken_while_others_used_the_cores_say_so(data, quick, heard, monkeypatch, cpu, aside, contended):
    # A clock on which a batch takes a second.
    seconds = count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(seconds)))
    readings = (Usage(now, now * cpu, now * aside) for now in map(float, seconds))
    monkeypatch.setattr(usage, "read", lambda: next(readings))
    found = runs.train(quick(), data, watch=heard)
    history = found.history
    # Of several such epochs the first is told.
    told = heard.of(events.Crowded)
    assert [one.epoch for one in told] == ([1] if contended else [])
    # The last reading follows the last batch, so that there is one more than batches.
    n = 1 + 1 / found.history["batches"][0]
    assert [(one.cpu, one.aside) for one in told] == ([pytest.approx((cpu * n, aside * n))] if contended else [])
    assert history["seconds"].to_list() == history["batches"].to_list()
    # The last reading follows the last batch.
    spans = [n + 1 for n in history["batches"]]
    assert history["cpu_seconds"].to_list() == pytest.approx([cpu * n for n in spans], nan_ok=True)
    assert history["aside"].to_list() == [aside * n for n in spans]
    told = found.rows.filter(pl.col("contended").eq_missing(contended) & pl.col("metric").is_in(TIMES))
    assert set(told["metric"]) == TIMES
    assert found.rows.filter(~pl.col("metric").is_in(TIMES))["contended"].null_count() == len(found.rows) - 3


def test_what_was_used_before_an_interruption_counts_and_the_saving_does_not(here, data, quick, heard, monkeypatch):
    cpu = count()
    monkeypatch.setattr(usage, "read", lambda: Usage(time.perf_counter(), float(next(cpu)), 0))
    monkeypatch.setattr(checkpoint, "save", (lambda save: lambda *given: [save(*given), next(cpu)])(checkpoint.save))
    interrupt(heard, 1, 3)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(epochs=1), data, here / "run", watch=heard)
    heard.until = None
    found = runs.train(quick(epochs=1), data, here / "run", watch=heard)
    # From one reading to the next is a second: once to the interruption, once from there to the end.
    assert found.history["cpu_seconds"].to_list() == [2.0]


@pytest.mark.parametrize(("above", "status", "value"), [(4096, "ok", 4096.0), (0, "skipped", None)])
def test_a_peak_of_zero_is_a_failure_to_measure(data, quick, monkeypatch, above, status, value):
    from linrec_cli.profiling import memory

    monkeypatch.setattr(memory, "above", lambda before: above)
    row = runs.train(quick(epochs=1), data).rows.filter(metric="peak_bytes").row(0, named=True)
    assert (row["status"], row["value"], row["unit"]) == (status, value, "B")
    assert "held before the model was built" in row["note"]


def test_memory_is_counted_from_before_the_model_was_built(data, quick, monkeypatch):
    from linrec_cli.profiling import memory

    order, build = [], fit.build
    monkeypatch.setattr(fit, "build", lambda *args: order.append("model") or build(*args))
    monkeypatch.setattr(memory, "baseline", lambda: order.append("before") or memory.status())
    monkeypatch.setattr(memory, "above", lambda before: order.append("peak") or 4096)
    monkeypatch.setattr(kernel, "name", lambda spans: order.append("one more step") or "a kernel")
    runs.train(quick(epochs=1), data)
    # At first on paper, to see whether there is room.
    assert order == ["before", "model", "model", *["peak"] * 3, "one more step"]


def test_a_run_in_a_folder_leaves_what_it_gave(here, kept, quick):
    folder = here / "results" / "runs" / "mine"
    found = runs.train(quick(), kept, folder)
    assert {path.name for path in folder.iterdir()} - {disk.LOCK} == FILES
    assert store.read_table(folder / store.TABLE).equals(found.rows)
    assert set(found.rows["run"]) == {"mine"}
    assert store.read_ranks(folder / store.RANKS).equals(found.ranks)
    stored = store.read_settings(folder / store.SETTINGS)
    assert stored["source"] == "ring.csv"
    assert (folder / stored["prepared"]).resolve() == kept.prepared.folder.resolve()
    assert not stored["prepared"].startswith("/")
    assert {"attn": "linear", "objective": "next", "data": "ring"}.items() <= stored.items()


def test_a_run_that_is_done_is_read_and_not_trained_again(here, data, quick, heard):
    first = runs.train(quick(), data, here / "run")
    again = runs.train(quick(), data, here / "run", watch=heard)
    assert not heard
    assert again.settings == first.settings
    assert again.rows.equals(first.rows)
    assert again.ranks.equals(first.ranks)
    assert again.history.equals(first.history)
    assert weights(again) == weights(first)


def test_fresh_makes_a_run_anew_and_discards_what_was_there(here, data, quick, heard):
    first = runs.train(quick(), data, here / "run")
    (here / "run" / "notes").mkdir()
    again = runs.train(quick(), data, here / "run", watch=heard, fresh=True)
    assert len(heard.of(events.Epoch)) == 2
    assert weights(again) == weights(first)
    assert not (here / "run" / "notes").exists()


def test_a_run_that_failed_is_tried_again(here, data, quick, heard):
    cell = {"run": "run", "command": "train", "attention": "linear", "maxlen": 8, "seed": 0}
    rows = schema.table(cell, [{"metric": "run", "status": "error", "note": "why"}])
    store.write_frame(rows, here / "run" / store.TABLE)
    assert set(runs.train(quick(), data, here / "run", watch=heard).rows["status"]) <= {"ok", "skipped"}


def test_batches_and_epochs_are_heard_of(data, quick, heard):
    found = runs.train(quick(patience=5), data, watch=heard)
    batches, epochs = heard.of(events.Batch), heard.of(events.Epoch)
    assert [one.epoch for one in epochs] == [1, 2]
    assert [(one.loss, one.ndcg, one.seconds) for one in epochs] == list(
        found.history.select("loss", "ndcg", "seconds").iter_rows()
    )
    assert {(one.run, one.patience) for one in epochs} == {(found.settings.name, 5)}
    first = [one for one in batches if one.epoch == 1]
    assert [one.batch for one in first] == list(range(1, first[0].batches + 1))
    assert first[-1].loss == pytest.approx(epochs[0].loss)
    assert [one.best for one in (first[-1], batches[-1])] == [None, epochs[0].ndcg]
    assert batches[0].attention == "linear"


def test_waiting_is_counted_from_the_best_epoch(data, quick, heard):
    # At this rate the best epoch is neither the first nor the last.
    found = runs.train(quick(epochs=5, lr=0.1), data, watch=heard)
    values = found.history["ndcg"].to_list()
    assert 0 < values.index(max(values)) < 4
    expected = [n - max(range(n + 1), key=lambda i: (values[i], -i)) for n in range(len(values))]
    assert [one.waited for one in heard.of(events.Epoch)] == expected


def interrupt(heard, epoch, batch):
    heard.until = lambda event: isinstance(event, events.Batch) and (event.epoch, event.batch) == (epoch, batch)


@pytest.mark.parametrize("at", [(1, 3), (2, 1), (3, 5)])
def test_a_run_cut_short_ends_as_one_that_was_not(here, data, quick, heard, at):
    interrupt(heard, *at)
    settings = quick(epochs=3, dropout=0.2)
    with pytest.raises(KeyboardInterrupt):
        runs.train(settings, data, here / "run", watch=heard)
    assert heard[-1] == events.Stopped("run", at[0])
    assert not (here / "run" / store.TABLE).exists()
    heard.until = None
    cut, whole = runs.train(settings, data, here / "run", watch=heard), runs.train(settings, data)
    assert heard.of(events.TakenUp) == [events.TakenUp("run", at[0], at[1] + 1)]
    assert weights(cut) == weights(whole)
    same = ["epoch", "loss", "ndcg", "recall", "targets", "batches"]
    assert cut.history.select(same).equals(whole.history.select(same))
    assert cut.ranks.equals(whole.ranks)
    assert {path.name for path in (here / "run").iterdir()} - {disk.LOCK} == FILES
    assert cut.history["resumed_at"].to_list() == [[at[1]] if n == at[0] else [] for n in (1, 2, 3)]
    assert set(cut.history["repeated"]) == {0}


def test_what_was_trained_twice_is_counted(here, data, quick, heard):
    interrupt(heard, 1, 3)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(), data, here / "run", watch=heard)
    # Killed three batches after its last checkpoint, in the same epoch.
    (here / "run" / "progress.json").write_text(json.dumps({"epoch": 0, "batch": 6}), "utf-8")
    heard.until = None
    found = runs.train(quick(), data, here / "run", watch=heard)
    assert found.history["repeated"].to_list() == [3, 0]
    assert found.history["resumed_at"].to_list() == [[3], []]
    assert not (here / "run" / "progress.json").exists()


def test_what_was_trained_twice_is_counted_though_it_is_killed_again_before_it_saves(here, data, quick, heard):
    def killed(event):
        if isinstance(event, events.Batch):
            raise RuntimeError("killed")

    interrupt(heard, 1, 3)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(), data, here / "run", watch=heard)
    for batch, watch in ((6, killed), (5, lambda _: None)):
        (here / "run" / "progress.json").write_text(json.dumps({"epoch": 0, "batch": batch}), "utf-8")
        with suppress(RuntimeError):
            found = runs.train(quick(), data, here / "run", watch=watch)
    assert found.history["repeated"].to_list() == [3 + 2, 0]
    assert found.history["resumed_at"].to_list() == [[3, 3], []]


def test_what_was_trained_twice_is_counted_from_the_first_batch_of_an_epoch_on(here, data, quick):
    def killed(event):
        if isinstance(event, events.Batch) and event.epoch == 2:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        runs.train(quick(), data, here / "run", watch=killed)
    (here / "run" / "progress.json").write_text(json.dumps({"epoch": 1, "batch": 4}), "utf-8")
    found = runs.train(quick(), data, here / "run")
    assert found.history["repeated"].to_list() == [0, 4]
    assert found.history["resumed_at"].to_list() == [[], [0]]


NO_PROGRESS = ["{", "[]", '{"epoch": 0}', '{"epoch": 7, "batch": 9}', '{"epoch": 0, "batch": "x"}', "[" * 99999]


@pytest.mark.parametrize("content", [*NO_PROGRESS, '{"epoch": 0, "batch": 1e999}', '{"epoch": 0, "batch": true}'])
def test_a_progress_that_says_nothing_is_no_reason_to_stop(here, data, quick, heard, content):
    interrupt(heard, 1, 3)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(), data, here / "run", watch=heard)
    (here / "run" / "progress.json").write_text(content, "utf-8")
    heard.until = None
    assert runs.train(quick(), data, here / "run").history["repeated"].to_list() == [0, 0]


def test_how_far_a_run_came_is_on_disk_while_it_trains_once_a_second(here, data, quick, heard, monkeypatch):
    module = importlib.import_module("linrec_cli.runs.train")
    # A batch every half a second.
    ticks = (10 + 0.5 * number for number in count())
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    seen = []

    def look(event):
        if isinstance(event, events.Batch):
            seen.append(json.loads((here / "run" / "progress.json").read_text("utf-8")))

    runs.train(quick(epochs=1), data, here / "run", watch=look)
    assert seen == [{"epoch": 0, "batch": batch, "seal": ANY} for batch in (1, 1, 3, 3, 5, 5, 7, 7)]


def test_a_progress_that_cannot_be_written_is_no_reason_to_stop_either(here, data, quick):
    known = runs.train(quick(), data)
    (here / "run" / "progress.json").mkdir(parents=True)
    (here / "run" / "progress.json" / "file").touch()
    found = runs.train(quick(), data, here / "run")
    assert found.history["loss"].equals(known.history["loss"])
    assert not (here / "run" / "progress.json").exists()


def test_an_interrupted_run_without_a_folder_leaves_nothing(here, data, quick, heard):
    interrupt(heard, 1, 2)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(), data, watch=heard)
    assert not list(here.iterdir())


def kill(monkeypatch, number, module, name, after):
    """Send this process a signal when some function returns for the so-many-th time, before its caller goes on."""
    calls, called = [], getattr(module, name)

    def calling(*args, **more):
        found = called(*args, **more)
        calls.append(True)
        if len(calls) == after:
            os.kill(os.getpid(), number)
        return found

    monkeypatch.setattr(module, name, calling)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["ctrl-c", "term"]
)
@pytest.mark.parametrize("after", [1, 8, 11])
def test_a_signal_in_the_middle_of_a_batch_waits_for_its_end(
    here, data, quick, heard, monkeypatch, number, error, after
):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        # The weights have moved, and nothing says so yet.
        kill(patch, number, fit, "step", after)
        with pytest.raises(error):
            runs.train(quick(), data, here / "run", watch=heard)
    # Eight batches make an epoch.
    epoch, batch = divmod(after - 1, 8)
    assert (heard.of(events.Batch)[-1].epoch, heard.of(events.Batch)[-1].batch) == (epoch + 1, batch + 1)
    assert isinstance(heard[-1], events.Stopped)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert weights(runs.train(quick(), data, here / "run")) == weights(runs.train(quick(), data))


def test_a_signal_while_it_validates_need_not_wait(here, data, quick, heard, monkeypatch):
    from linrec_cli.evaluation import ranks

    passed = []
    place = ranks.place

    def placing(*args):
        if not passed:
            passed.append(True)
            os.kill(os.getpid(), signal.SIGINT)
            passed.append("went on")
        return place(*args)

    with monkeypatch.context() as patch:
        patch.setattr(ranks, "place", placing)
        with pytest.raises(KeyboardInterrupt):
            runs.train(quick(), data, here / "run", watch=heard)
    assert passed == [True]
    assert heard[-1] == events.Stopped("run", 1)
    cut, whole = runs.train(quick(), data, here / "run"), runs.train(quick(), data)
    assert weights(cut) == weights(whole)
    assert cut.history["ndcg"].equals(whole.history["ndcg"])


def test_another_signal_does_not_cut_the_saving_short(here, data, quick, heard, monkeypatch):
    with monkeypatch.context() as patch:
        kill(patch, signal.SIGINT, fit, "step", 2)
        kill(patch, signal.SIGTERM, checkpoint, "write", 1)
        with pytest.raises(KeyboardInterrupt):
            runs.train(quick(), data, here / "run", watch=heard)
    assert heard[-1] == events.Stopped("run", 1)
    assert (here / "run" / checkpoint.CHECKPOINT).is_file()


def test_a_signal_after_an_epoch_stops_the_next(here, data, quick, heard):
    heard.until = lambda event: isinstance(event, events.Epoch) and os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(epochs=3), data, here / "run", watch=heard)
    assert len(heard.of(events.Epoch)) == 1
    assert (heard.of(events.Batch)[-1].epoch, heard.of(events.Batch)[-1].batch) == (2, 1)


def test_a_signal_after_the_last_epoch_is_not_lost(here, data, quick, heard):
    heard.until = lambda event: isinstance(event, events.Epoch) and os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        runs.train(quick(epochs=1), data, here / "run", watch=heard)
    assert isinstance(heard[-1], events.Stopped)
    assert not (here / "run" / store.TABLE).exists()


def test_a_thread_that_is_not_the_main_one_can_be_interrupted_too(here, data, quick, heard):
    interrupt(heard, 1, 2)

    def work():
        with pytest.raises(KeyboardInterrupt):
            runs.train(quick(), data, here / "run", watch=heard)
        done.append(True)

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
    assert (here / "run" / checkpoint.CHECKPOINT).is_file()


def test_a_folder_that_another_process_holds_is_left_alone(here, data, quick):
    with disk.locked(here / "run"), pytest.raises(disk.HeldError, match="another process"):
        runs.train(quick(), data, here / "run")
    assert {path.name for path in (here / "run").iterdir()} == {disk.LOCK}


def test_a_loss_that_is_no_number_ends_the_run_without_a_table(here, data, quick):
    with pytest.raises(LinrecError, match="lower --lr"):
        runs.train(quick(lr=10.0, weight_decay=10.0, width=64, epochs=200, patience=200), data, here / "run")
    assert not (here / "run" / store.TABLE).exists()


def test_settings_are_named_after_they_are_resolved(here, data, quick):
    auto, plain = quick(attn="auto", objective="auto"), quick(attn="linear", objective="next")
    assert (
        runs.train(auto, data).settings == runs.train(plain, data).settings == resolved(runs.train(auto, data).settings)
    )


def test_what_torch_loads_with_its_first_step_is_loaded_before_memory_is_counted(monkeypatch):
    from linrec_cli.profiling import memory
    from linrec_cli.runs.peaks import Peaks

    counted = []
    monkeypatch.setattr(memory, "baseline", lambda: counted.append(True))
    # Whoever imports it now is told that it is not there.
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    with pytest.raises(ImportError, match="_dynamo"):
        Peaks("cpu")
    assert not counted


def test_graphs_are_a_gpus_and_a_run_of_its_own(data, quick, monkeypatch):
    module = importlib.import_module("linrec_cli.runs.train")
    plain, graphs = quick(), quick(graphs=True)
    assert module.settled(graphs, data) == module.settled(plain, data)
    monkeypatch.setattr(machine, "device", lambda name: "cuda")
    plain, graphs = (module.settled(one, data) for one in (plain, graphs))
    assert graphs.graphs
    assert graphs.name != plain.name


def test_an_order_is_asked_for_where_a_device_has_none_by_itself(data, quick, monkeypatch):
    module, asked = importlib.import_module("linrec_cli.runs.train"), []
    monkeypatch.setattr(machine, "order", asked.append)
    plain, ordered = quick(), quick(deterministic=True)
    assert runs.train(ordered, data).settings == module.settled(plain, data)
    monkeypatch.setattr(machine, "device", lambda name: "cuda")
    plain, ordered = (module.settled(one, data) for one in (plain, ordered))
    assert ordered.deterministic
    assert ordered.name != plain.name
    monkeypatch.setattr(machine, "prepare", lambda threads: None)
    monkeypatch.setattr(module, "Peaks", None)
    with pytest.raises(TypeError):
        module.made(ordered, data, None, events.unheard)
    assert asked == [False, True]
