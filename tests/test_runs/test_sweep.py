"""The cells of a sweep: what is done is skipped, what fails is a row, and each of several has a process of its own."""

import importlib
import multiprocessing
import os
import signal
import socket
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from linrec_cli import disk, machine, runs
from linrec_cli.errors import LinrecError
from linrec_cli.results import store
from linrec_cli.runs import events
from linrec_cli.runs.train import settled
from linrec_cli.training import checkpoint

module = importlib.import_module("linrec_cli.runs.sweep")
alone = importlib.import_module("linrec_cli.runs.attempt")
own = importlib.import_module("linrec_cli.runs.apart")


@pytest.fixture
def children():
    """Let children start without the script that started this one."""
    vars(sys.modules["__main__"]).pop("__file__", None)


def weights(folder):
    return checkpoint.digest(checkpoint.read_weights(folder, "cpu"))


def test_several_cells_have_a_process_each_and_are_heard_of_here(here, data, quick, heard, children):
    # A frame is kept nowhere, so it goes along.
    cells = [quick(attn=attn, epochs=1) for attn in ("softmax", "linear")]
    tables = list(runs.sweep(cells, data, here / "results", watch=heard))
    assert [table["attention"][0] for table in tables] == ["softmax", "linear"]
    names = [table["run"][0] for table in tables]
    assert heard.of(events.Begun) == [events.Begun(name, number, 2) for number, name in enumerate(names, 1)]
    assert [one.run for one in heard.of(events.Epoch)] == names
    assert {one.run for one in heard.of(events.Batch)} == {*names}
    for cell, name in zip(cells, names, strict=True):
        assert weights(here / "results" / "runs" / name) == checkpoint.digest(runs.train(cell, data).model.state_dict())


def test_a_single_cell_is_trained_here(here, data, quick, heard, monkeypatch):
    monkeypatch.setattr(module, "apart", None)
    (table,) = runs.sweep([quick()], data, here / "results", watch=heard)
    assert (table["status"] == "ok").any()
    assert not heard.of(events.Begun)
    assert heard.of(events.Anew) == [events.Anew(table["run"][0])]


def test_what_is_done_is_skipped_and_with_fresh_made_anew(here, data, quick, heard):
    (first,) = runs.sweep([quick()], data, here / "results")
    (again,) = runs.sweep([quick()], data, here / "results", watch=heard)
    assert heard == [events.Skipped(first["run"][0], first["commit"][0], first["commit"][0])]
    assert again.equals(first)
    list(runs.sweep([quick()], data, here / "results", watch=heard, fresh=True))
    assert len(heard.of(events.Epoch)) == 2


def test_what_is_done_says_by_which_commit(here, data, quick, heard, monkeypatch):
    commits = ["abc"]
    monkeypatch.setattr(machine, "commit", lambda: commits[-1])
    (table,) = runs.sweep([quick()], data, here / "results")
    commits.append("abd")
    list(runs.sweep([quick()], data, here / "results", watch=heard))
    assert heard == [events.Skipped(table["run"][0], "abc", "abd")]


def test_a_run_that_an_older_linrec_named_otherwise_is_skipped(here, data, quick, heard):
    (first,) = runs.sweep([quick()], data, here / "results")
    (folder,) = (here / "results" / "runs").iterdir()
    folder.rename(folder.with_name("as-it-was-called-once"))
    (again,) = runs.sweep([quick()], data, here / "results", watch=heard)
    assert [type(event) for event in heard] == [events.Skipped]
    assert heard[0].run == "as-it-was-called-once"
    assert again["value"].equals(first["value"])


def test_a_run_that_was_cut_short_is_taken_up(here, data, quick, heard):
    heard.until = lambda event: isinstance(event, events.Batch) and event.batch == 3
    with pytest.raises(KeyboardInterrupt):
        list(runs.sweep([quick()], data, here / "results", watch=heard))
    heard.until = None
    heard.clear()
    list(runs.sweep([quick()], data, here / "results", watch=heard))
    assert not heard.of(events.Anew)
    assert [(one.epoch, one.batch) for one in heard.of(events.TakenUp)] == [(1, 4)]


@pytest.mark.parametrize(
    ("error", "status", "note"),
    [
        (LinrecError("the loss is nan"), "error", "the loss is nan"),
        (MemoryError(), "oom", "MemoryError"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried\nmore"),
            "oom",
            "can't allocate memory: you tried; --tokens 100 takes",
        ),
        (RuntimeError("shapes differ\nmore"), "error", "shapes differ"),
        (RuntimeError("CUDA error: out of memory\nmore"), "oom", "CUDA error: out of memory"),
        (RuntimeError("CUDA error: an illegal memory access\nmore"), "error", "CUDA error: an illegal memory access"),
    ],
)
def test_what_goes_wrong_is_a_row_and_is_told(here, data, quick, heard, monkeypatch, error, status, note):
    def fails(*args, **more):
        raise error

    monkeypatch.setattr(alone, "train", fails)
    (table,) = runs.sweep([quick()], data, here / "results", watch=heard)
    (row,) = table.to_dicts()
    assert (row["status"], row["value"], row["attention"], row["command"]) == (status, None, "linear", "train")
    assert row["note"].startswith(note)
    assert "\n" not in row["note"]
    assert heard.of(events.Failed) == [events.Failed(row["run"], status, row["note"])]


def test_a_bug_is_no_row(here, data, quick, monkeypatch):
    def fails(*args, **more):
        raise KeyError("a bug")

    monkeypatch.setattr(alone, "train", fails)
    with pytest.raises(KeyError):
        list(runs.sweep([quick()], data, here / "results"))


def test_a_run_that_another_process_trains_is_left_alone(here, data, quick, heard):
    folder = store.folder(here / "results", module.settled(quick(), data).name)
    with disk.locked(folder), pytest.raises(disk.HeldError):
        list(runs.sweep([quick()], data, here / "results", watch=heard))
    assert not heard
    assert [path.name for path in folder.iterdir()] == [disk.LOCK]


def test_a_run_that_another_process_takes_meanwhile_is_left_alone(here, data, quick, monkeypatch):
    def taken(*args, **more):
        raise disk.HeldError("held")

    monkeypatch.setattr(alone, "train", taken)
    with pytest.raises(disk.HeldError):
        list(runs.sweep([quick()], data, here / "results"))
    assert not list(here.glob("results/runs/*/table.parquet"))


def test_of_several_the_one_that_another_process_trains_comes_last(here, data, quick, heard, monkeypatch):
    monkeypatch.setattr(module, "apart", module.attempt)
    cells = [quick(attn=attn, epochs=1) for attn in ("softmax", "linear")]
    folder = store.folder(here / "results", module.settled(cells[0], data).name)
    other = disk.locked(folder)
    other.__enter__()

    def hear(event):
        heard.append(event)
        if isinstance(event, events.Elsewhere):
            assert {path.name for path in folder.iterdir()} == {disk.LOCK, disk.HOLDER}
        if isinstance(event, events.Epoch):
            other.__exit__(None, None, None)

    tables = list(runs.sweep(cells, data, here / "results", watch=hear))
    assert [table["attention"][0] for table in tables] == ["softmax", "linear"]
    (elsewhere,) = heard.of(events.Elsewhere)
    assert elsewhere == events.Elsewhere(folder.name, f"process {os.getpid()} on {socket.gethostname()}")
    assert [one.number for one in heard.of(events.Begun)] == [2, 1]
    assert heard.index(elsewhere) < heard.index(heard.of(events.Begun)[0])


def test_what_another_process_trained_meanwhile_is_skipped(here, data, quick, heard, monkeypatch):
    trained = []

    def taken(settings, data, folder, fresh, watch):
        trained.append(folder)
        with disk.locked(folder):
            pass
        runs.train(settings, data, folder)
        if len(trained) == 1:
            raise disk.HeldError("held")

    monkeypatch.setattr(module, "apart", taken)
    cells = [quick(attn=attn, epochs=1) for attn in ("softmax", "linear")]
    assert len(list(runs.sweep(cells, data, here / "results", watch=heard))) == 2
    assert len(trained) == 2
    assert [one.run for one in heard.of(events.Skipped)] == [trained[0].name]


def test_what_another_process_trained_while_it_was_waited_for_is_skipped_even_where_all_is_made_anew(
    here, data, quick, heard, monkeypatch
):
    settings, real = module.settled(quick(), data), disk.locked
    folder = store.folder(here / "results", settings.name)

    def locked(folder, waiting=None):
        if waiting:
            runs.train(settings, data, folder)
        return real(folder, waiting)

    monkeypatch.setattr(disk, "locked", locked)
    monkeypatch.setattr(module, "apart", None)
    module.turn(settings, data, folder, True, heard, of=(1, 2), wait=True)
    assert heard == [events.Skipped(folder.name, machine.commit(), machine.commit())]


def test_nothing_is_written_of_a_failure_where_another_process_is_at_work_or_was(here, data, quick, heard):
    folder, settings = here / "run", module.settled(quick(), data)
    with disk.locked(folder), pytest.raises(disk.HeldError):
        alone.fail(settings, folder, "error", "why", heard)
    runs.train(settings, data, folder)
    before = (folder / store.TABLE).read_bytes()
    alone.fail(settings, folder, "error", "why", heard)
    assert (folder / store.TABLE).read_bytes() == before
    assert not heard


class Fatal:
    """Ends the process that receives it."""

    def __init__(self, how):
        self.how = how

    def __reduce__(self):
        return self.how


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ((os._exit, (7,)), "its process ended with code 7"),
        ((signal.raise_signal, (9,)), "its process ended with code -9"),
    ],
)
def test_a_process_that_ends_without_a_word_is_a_row(here, data, quick, heard, children, how, note):
    folder = here / "run"
    module.apart(module.settled(quick(), data), replace(data, source=Fatal(how)), folder, False, heard)
    assert heard == [events.Failed("run", "error", note)]
    assert store.read_table(folder / store.TABLE)["status"].to_list() == ["error"]


def test_a_child_that_was_interrupted_interrupts_its_parent(here, data, quick, heard, children):
    with pytest.raises(KeyboardInterrupt):
        module.apart(quick(), replace(data, source=Fatal((os._exit, (130,)))), here / "run", False, heard)
    assert not (here / "run").exists()


@pytest.mark.parametrize("how", [(os._exit, (143,)), (signal.raise_signal, (15,))])
def test_a_child_that_was_terminated_terminates_its_parent(here, data, quick, heard, children, how):
    with pytest.raises(SystemExit) as leaving:
        module.apart(quick(), replace(data, source=Fatal(how)), here / "run", False, heard)
    assert leaving.value.code == 143
    assert not (here / "run").exists()


def test_a_child_whose_folder_is_held_says_so_and_writes_nothing(here, data, quick, heard, children):
    with disk.locked(here / "run"), pytest.raises(disk.HeldError):
        module.apart(module.settled(quick(), data), data, here / "run", False, heard)
    assert [path.name for path in (here / "run").iterdir()] == [disk.LOCK]
    assert not heard


def test_a_child_that_found_its_folder_held_left_nothing_to_write_though_it_is_free_by_now(
    here, data, quick, heard, children
):
    with pytest.raises(disk.HeldError):
        module.apart(quick(), replace(data, source=Fatal((os._exit, (75,)))), here / "run", False, heard)
    assert not (here / "run").exists()


def test_what_a_run_that_is_done_left_when_it_was_killed_goes(here, data, quick, heard):
    (table,) = runs.sweep([quick()], data, here / "results")
    folder = store.folder(here / "results", table["run"][0])
    before = {path.name for path in folder.iterdir()}
    for name in (checkpoint.CHECKPOINT, "progress.json", ".table.parquet.1234.part", disk.HOLDER):
        (folder / name).touch()
    list(runs.sweep([quick()], data, here / "results", watch=heard))
    assert {path.name for path in folder.iterdir()} == before
    assert [type(event) for event in heard] == [events.Skipped]


def test_a_child_saves_and_ends_when_its_parent_is_told_to(here, data, quick, heard, children):
    long = module.settled(quick(epochs=10_000, patience=10_000), data)

    def told(event):
        heard.append(event)
        if len(heard.of(events.Batch)) == 5:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        module.apart(long, data, here / "run", False, told)
    assert not multiprocessing.active_children()
    last = heard.of(events.Batch)[-1]
    # After the last batch of an epoch it may have come to the next.
    (stopped,) = heard.of(events.Stopped)
    assert stopped.epoch == last.epoch or (stopped.epoch == last.epoch + 1 and last.batch == last.batches)
    assert (here / "run" / checkpoint.CHECKPOINT).is_file()
    assert not (here / "run" / store.TABLE).exists()


def test_data_that_are_gone_meanwhile_are_told(here, kept, quick, heard, children):
    import shutil

    shutil.rmtree(kept.prepared.folder)
    module.apart(module.settled(quick(), kept), kept, here / "run", False, heard)
    assert "is gone or damaged" in heard.of(events.Failed)[0].note


@pytest.mark.parametrize("several", [False, True])
def test_a_full_disk_ends_a_sweep_with_its_line_and_is_no_row(here, data, quick, heard, monkeypatch, several):
    full = disk.RefusedError("cannot write x: No space left on device; free some room or choose another place.")

    def refused(*_, **__):
        raise full

    monkeypatch.setattr(checkpoint, "save", refused)
    folder = here / "results" / "runs" / "run"
    if not several:
        with pytest.raises(disk.RefusedError, match="No space left"):
            module.attempt(quick(), data, folder, False, heard)
    else:
        # What a child sends is raised by who listens.
        reader, writer = multiprocessing.Pipe(duplex=False)
        before = signal.getsignal(signal.SIGINT)
        own.child(quick(), data.prepared, data.source, folder, False, writer)
        signal.signal(signal.SIGINT, before)
        writer.close()
        with pytest.raises(disk.RefusedError, match="No space left"):
            own.listen(reader, heard)
    assert not (folder / store.TABLE).exists()


def test_what_a_file_raises_later_on_is_a_row_that_says_what_and_where(here, data, quick, heard, add):
    text = "from torch import nn\nFORMS = ('causal',)\nclass Attention(nn.Module):\n"
    text += "    def __init__(self, *given):\n        super().__init__()\n"
    text += "    def forward(self, x, lengths):\n        return x if x.shape[1] < 4 else [x][7]\n"
    add("linrec_cli/attentions/odd.py", text)
    (table,) = runs.sweep([quick(attn="odd")], data, here / "results", watch=heard)
    assert table["status"].to_list() == ["error"]
    assert table["note"].to_list() == ["IndexError: list index out of range (attentions/odd.py, line 7)"]
    assert heard.of(events.Failed) == [events.Failed(table["run"][0], "error", table["note"][0])]


@pytest.mark.parametrize("error", [TypeError("no number\nand more"), KeyError("gone"), AttributeError("no such part")])
def test_in_a_process_of_its_own_a_bug_is_a_row_that_says_what_and_where(here, data, quick, monkeypatch, error):
    def broken(*given, **more):
        raise error

    told = []
    monkeypatch.setattr(own.signal, "signal", lambda *given: None)
    monkeypatch.setattr("linrec_cli.training.fit.train_epoch", broken)
    folder, cell = store.folder(here / "results", "odd"), settled(quick(), data)
    own.child(cell, data.prepared, data.source, folder, False, SimpleNamespace(send=told.append))
    table = store.read_table(folder / store.TABLE)
    assert table["status"].to_list() == ["error"]
    said = f"{type(error).__name__}: {str(error).splitlines()[0]} (training/fit.py, line "
    assert table["note"][0].startswith(said)
    assert told[-1] == events.Failed("odd", "error", table["note"][0])
