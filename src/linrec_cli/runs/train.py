"""One training run: take up what is there, train, test, write its folder; without one nothing touches the disk."""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import processes, seal
from linrec_cli.errors import DataError, LinrecError
from linrec_cli.refusals import RefusedError, writing
from linrec_cli.runs import events
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.runs.interrupt import Interrupts
from linrec_cli.runs.peaks import Peaks
from linrec_cli.runs.result import Result, contended, read, tested, write
from linrec_cli.settings import Train
from linrec_cli.usage import NOTED

if TYPE_CHECKING:
    from linrec_cli.training.state import Epoch, Position, State

PROGRESS = "progress.json"
LEAVE_ONE_OUT = "leave-one-out"
"""The split of data that come in one piece, where none is asked for."""


def train(
    settings: Train, data: Dataset, folder: Path | None = None, *, watch: Watch = unheard, fresh: bool = False
) -> Result:
    """Train and test a model; a run that is done already is read.

    Args:
        folder: of the run: where it is written, and taken up from; None writes nothing.
        watch: hears of every batch and epoch.
        fresh: discard what is in the folder.

    Raises:
        LinrecError: the run cannot go on; what was trained stays.
    """
    from linrec_cli import disk
    from linrec_cli.results import store

    settings = settled(settings, data)
    if folder is None:
        return made(settings, data, None, watch)
    with disk.locked(folder):
        if fresh:
            clear(folder)
        if finished(folder):
            drop(folder)
            return read(folder, data)
        store.write_settings(asdict(settings) | data.told(folder), folder / store.SETTINGS)
        if processes.count() > 1:
            processes.begin()
        return made(settings, data, folder, watch)


def follow(settings: Train, data: Dataset) -> None:
    """Train with the first process, which alone has the folder, if it begins.

    Raises:
        LinrecError: the run cannot go on.
    """
    from linrec_cli import machine

    if not processes.begin():
        return
    try:
        made(settings, data, None, unheard)
    except (MemoryError, RuntimeError) as error:
        raise LinrecError(f"process {processes.rank()} of {processes.count()}: {machine.said(error)}") from None


def settled(settings: Train, data: Dataset) -> Train:
    """Put the data, the device there is, and what model and data usually take into the settings of a run."""
    from linrec_cli import machine
    from linrec_cli.settings import resolved

    card = data.prepared.card
    if data.sequences.part is not None and settings.split == LEAVE_ONE_OUT:
        settings = replace(settings, split="given")
    own = {"data": data.name, "data_digest": data.prepared.digest, "order": card.get("order", "")}
    own["seen_items"] = data.as_trained(settings)
    device = machine.device(settings.device)
    own |= {name: getattr(settings, name) and device == "cuda" for name in ("deterministic", "graphs")}
    settings = replace(settings, read_digest=data.read(settings.model, settings.split), device=device)
    return resolved(replace(settings, **own, min_user=card["min_user"], min_item=card["min_item"]))


def finished(folder: Path) -> bool:
    """Tell whether a run is done: its table stands, and is not that of a failure."""
    from linrec_cli.results import store

    path = folder / store.TABLE
    return path.is_file() and bool((store.read_table(path)["status"] == "ok").any())


def clear(folder: Path) -> None:
    """Discard what a folder holds, but for the lock."""
    from linrec_cli import disk

    for path in folder.iterdir():
        if path.name not in (disk.LOCK, disk.HOLDER):
            remove(path)


def drop(folder: Path) -> None:
    """Remove what a run that is done has no more use for."""
    from linrec_cli.training import checkpoint

    remove(folder / checkpoint.CHECKPOINT)
    remove(folder / PROGRESS)


def remove(path: Path) -> None:
    """Remove a file, or a folder that stands in its place.

    Raises:
        RefusedError: the system does not let it be.
    """
    with writing(path):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Remove from the folder of a run that is done what is left where it was killed before it did so itself."""
    from linrec_cli import disk
    from linrec_cli.training import checkpoint

    left = {checkpoint.CHECKPOINT, PROGRESS, disk.HOLDER}
    if any(path.name in left or path.suffix == ".part" for path in folder.iterdir()):
        # Where that cannot be, as in a folder that is only read, it does no harm.
        with suppress(DataError), disk.locked(folder):
            drop(folder)


def made(settings: Train, data: Dataset, folder: Path | None, watch: Watch) -> Result:
    """Train a run from where its folder stands, test it, and write what it gave."""
    from linrec_cli import machine
    from linrec_cli.models._recommender import facts
    from linrec_cli.training import checkpoint, fit, room

    machine.prepare(settings.threads)
    machine.order(settings.deterministic)
    split = data.split(settings.split)
    peaks = Peaks(settings.device, settings.graphs)
    sequences, parts = data.sequences.to(settings.device), split.to(settings.device)
    with Interrupts("the model's size to be known"):  # Cut off on its way out, torch would stay on paper.
        room.check(partial(fit.build, settings, facts(sequences)), settings.device)
    state = fit.start(settings, sequences, parts)
    name = folder.name if folder else settings.name
    if folder and checkpoint.load(state, folder):
        take_up(state, folder, watch)
        checkpoint.save(state, folder)
    passed_on(state, folder)
    save = (lambda state: checkpoint.save(state, folder)) if folder else (lambda state: None)
    with Interrupts("the batch that is being trained", "what was trained to be saved") as interrupts:
        report = reporter(state, name, folder, watch, interrupts)
        how: dict[str, Any] = {"report": report, "save": save, "ended": peaks.ended, "free": interrupts.free}
        try:
            for epoch in fit.epochs(state, sequences, parts, **how):
                peaks.ended("save")
                tell(state, epoch, name, watch)
            interrupts.leave()
        except (KeyboardInterrupt, SystemExit):
            save(state)
            watch(events.Stopped(name, state.at.epoch + 1))
            raise
    found = tested(settings, state, sequences, parts, name, peaks.rows())
    if folder:
        write(found, folder)
        drop(folder)
    return found


def tell(state: "State", epoch: "Epoch", name: str, watch: Watch) -> None:
    """Tell that an epoch ended, and, the first time that it is so, that others used its cores."""
    settings, waited = state.settings, epoch.epoch - state.best_epoch().epoch
    watch(events.Epoch(name, epoch.epoch + 1, epoch.loss, epoch.ndcg, epoch.seconds, waited, settings.patience))
    crowded = [one.seconds >= NOTED and contended([one], settings) for one in state.history]
    if crowded[-1] and not any(crowded[:-1]):
        had = (spent / epoch.seconds for spent in (epoch.cpu_seconds, epoch.aside))
        watch(events.Crowded(name, epoch.epoch + 1, settings.threads, *had))


def passed_on(state: "State", folder: Path | None) -> None:
    """Bring the other processes of a run to where the first found it, however many it had before."""
    import tempfile

    from linrec_cli import temporary
    from linrec_cli.training import checkpoint

    if processes.count() == 1:
        return
    path = folder / checkpoint.CHECKPOINT if folder else None
    content = processes.content(path.read_bytes() if path and path.is_file() else b"")
    if content and processes.rank():
        with tempfile.TemporaryDirectory(dir=temporary.room()) as room:
            (Path(room) / checkpoint.CHECKPOINT).write_bytes(content)
            checkpoint.load(state, Path(room))


def take_up(state: "State", folder: Path, watch: Watch) -> None:
    """Tell where the run goes on, and note, to be saved, what an interruption made it train twice."""
    at, reached = state.at, progress(folder)
    lost = max(0, reached.get("batch", 0) - at.batch) if reached.get("epoch") == at.epoch else 0
    at.resumed_at += [at.batch] if at.batch or lost else []
    at.repeated += lost
    watch(events.TakenUp(folder.name, at.epoch + 1, at.batch + 1))


def progress(folder: Path) -> dict[str, int]:
    """Read how far an interrupted run came; nothing where that is not known."""
    try:
        found = json.loads(seal.read(folder / PROGRESS))
    except (OSError, ValueError, RecursionError):
        return {}
    # Nothing is known from what is no such thing; True would be a number.
    return {name: n for name, n in found.items() if type(n) is int} if isinstance(found, dict) else {}


def reporter(
    state: "State", name: str, folder: Path | None, watch: Watch, interrupts: Interrupts
) -> Callable[["Position", int], None]:
    """Make what hears of each batch: it passes it on, and leaves in the folder, once a second, how far it came."""
    from linrec_cli.results import store

    written = 0.0

    def report(at: "Position", batches: int) -> None:
        nonlocal written
        now = time.monotonic()
        if folder and now - written >= 1:
            reached = {"epoch": at.epoch, "batch": at.batch, "seal": seal.BLANK}
            # It only tells how far a run came that was killed: nothing ends for want of it.
            with suppress(RefusedError):
                store.write_text(seal.sealed(json.dumps(reached)), folder / PROGRESS)
            written = now
        best = state.best_epoch().ndcg if state.history else None
        loss = at.loss / at.targets
        watch(events.Batch(name, state.settings.attn, at.epoch + 1, at.batch, batches, loss, best))
        interrupts.agree()

    return report
