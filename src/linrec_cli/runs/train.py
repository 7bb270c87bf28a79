"""Train one cell of a sweep: take up what is there, train, test, write its folder."""

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.cli import console
from linrec_cli.cli.train_progress import Live
from linrec_cli.errors import DataError
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.data.sequences import Sequences
    from linrec_cli.training.fit import State

KS = [1, 5, 10, 20]
PROGRESS = "progress.json"


def finished(folder: Path) -> bool:
    """Tell whether a run is done: its table stands, and is not that of a failure."""
    from linrec_cli.results import store

    path = folder / store.TABLE
    return path.is_file() and store.read_table(path)["status"][0] == "ok"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the run's lock, so that no two processes train the same run.

    Raises:
        DataError: another process holds it.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise DataError(f"another process is training {folder.name}; wait for it or stop it.") from None


def check_alone(folder: Path) -> None:
    """Make sure that no other process trains the run, before anything of this one is written there.

    Raises:
        DataError: one does.
    """
    with alone(folder):
        return


def train(settings: Train, source: dict[str, Any], sequences: "Sequences", folder: Path, fresh: bool) -> None:
    """Train, test and write the run in `folder`, from its checkpoint on if there is one.

    Raises:
        LinrecError: the run cannot go on; what was trained stays.
    """
    with alone(folder):
        if fresh:
            for path in folder.iterdir():
                if path.name != ".lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        _train(settings, source, sequences, folder)


def _train(settings: Train, source: dict[str, Any], sequences: "Sequences", folder: Path) -> None:
    from linrec_cli import machine
    from linrec_cli.profiling import memory
    from linrec_cli.results import store
    from linrec_cli.training import checkpoint, fit

    machine.prepare(settings.threads)
    store.write_settings(asdict(settings) | source, folder / store.SETTINGS)
    before = memory.baseline()
    sequences = sequences.to(settings.device)
    state = fit.start(settings, sequences.count)

    def save(state: "State") -> None:
        checkpoint.save(state, folder)

    if checkpoint.load(state, folder):
        take_up(state, folder)
    with Live(settings, state, folder / PROGRESS) as live:
        try:
            for epoch in fit.epochs(state, settings, sequences, report=live.batch, save=save):
                live.epoch(epoch)
        except (KeyboardInterrupt, SystemExit):
            stop(state, folder)
            raise
    peak = peak_row(settings.device, before)
    write(settings, state, sequences, folder, peak)


def take_up(state: "State", folder: Path) -> None:
    """Say where the run goes on, and note what an interruption made it train twice."""
    at = state.at
    if at.batch or (folder / PROGRESS).is_file():
        with contextlib.suppress(OSError, ValueError, KeyError):
            reached = json.loads((folder / PROGRESS).read_text("utf-8"))
            if reached["epoch"] == at.epoch:
                at.repeated += max(0, reached["batch"] - at.batch)
                at.resumed_at.append(at.batch)
    console.say(f"{folder.name}: goes on at epoch {at.epoch + 1}, batch {at.batch + 1}.")


def stop(state: "State", folder: Path) -> None:
    """Save on Ctrl-C or SIGTERM, and say how to go on; a second one does not cut the saving short."""
    from linrec_cli.training import checkpoint

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    checkpoint.save(state, folder)
    console.say(f"stopped in epoch {state.at.epoch + 1}; the same command again goes on from here.")


def peak_row(device: str, before: dict[str, int]) -> dict[str, Any]:
    """Make the row of the run's peak memory."""
    from linrec_cli.profiling import memory
    from linrec_cli.results import rows

    if device == "cuda":
        import torch

        return rows.fact("peak_bytes", torch.cuda.max_memory_allocated(), "B", "allocated")
    note = f"high-water RSS above the {console.size(before['VmRSS'])} held before the model was built"
    return rows.fact("peak_bytes", memory.above(before), "B", note)


def write(settings: Train, state: "State", sequences: "Sequences", folder: Path, peak: dict[str, Any]) -> None:
    """Test the best epoch and write weights, history, ranks and, last of all, the table."""
    import polars as pl

    from linrec_cli import machine
    from linrec_cli.evaluation import metrics
    from linrec_cli.evaluation.ranks import ranks
    from linrec_cli.results import rows, schema, store
    from linrec_cli.training import checkpoint

    state.model.load_state_dict(state.best)
    checkpoint.write(state.best, folder / checkpoint.WEIGHTS)
    found = {stage: ranks(state.model, sequences, stage, settings.maxlen).cpu().numpy() for stage in ("valid", "test")}
    frame = pl.DataFrame({"user": sequences.users.cpu().numpy(), **found})
    store.write_frame(frame, folder / "ranks.parquet")
    history = pl.DataFrame(
        [asdict(epoch) for epoch in state.history], schema_overrides={"resumed_at": pl.List(pl.Int64)}
    )
    store.write_frame(history.with_columns(pl.col("epoch") + 1), folder / "history.parquet")
    made = costs(state)
    for stage in ("test", "valid"):
        made += rows.quality(stage, metrics.summary(frame.select(rank=pl.col(stage)), KS))
    environment = machine.describe(settings.device) | {"kernel": kernel(settings, state, sequences)}
    shared = rows.shared(settings, "train", folder.name, datetime.now(UTC), environment)
    store.write_frame(schema.table(shared, [*made, peak]), folder / store.TABLE)
    (folder / checkpoint.CHECKPOINT).unlink(missing_ok=True)
    (folder / PROGRESS).unlink(missing_ok=True)


def costs(state: "State") -> list[dict[str, Any]]:
    """Make the rows of what the run took."""
    from linrec_cli.results import rows
    from linrec_cli.training.estimate import parameters

    return [
        rows.cost("seconds_per_epoch", (e.seconds for e in state.history), note="training alone"),
        rows.cost("validation_seconds", (e.validation_seconds for e in state.history), note="an epoch's"),
        rows.fact("seconds", state.at.spent, "s", "training and validation of all epochs"),
        rows.fact("epochs", len(state.history)),
        rows.fact("best_epoch", state.best_epoch().epoch + 1),
        rows.fact("parameters", parameters(state.model)),
        rows.fact("targets_per_epoch", state.history[0].targets),
    ]


def kernel(settings: Train, state: "State", sequences: "Sequences") -> str:
    """Name the kernel that a training step runs; the step is a last one, after the weights were written."""
    from linrec_cli.profiling import kernel
    from linrec_cli.training import fit
    from linrec_cli.training.batches import plan

    batches = plan(sequences, settings.maxlen, settings.tokens, settings.seed, 0).batches(sequences.flat)
    state.model.train()
    batch = next(batches)
    return kernel.name({"step": lambda: fit.step(state.model, state.optimizer, batch, settings.dtype)})
