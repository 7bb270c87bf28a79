"""The cells of a training sweep, one after the other: what is done is skipped, what fails is a row."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.errors import LinrecError
from linrec_cli.runs import events
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.runs.train import finished, settled
from linrec_cli.runs.train import train as train_one
from linrec_cli.settings import Train

if TYPE_CHECKING:
    import polars as pl

INTERRUPTED = 130
PATIENCE = 3.0, 60.0
"""Seconds a child has to end by itself after Ctrl-C, which a terminal sends it too, and after SIGTERM."""


def sweep(
    cells: Sequence[Train], data: Dataset, results_dir: Path, *, watch: Watch = unheard, fresh: bool = False
) -> Iterator["pl.DataFrame"]:
    """Train the cells that are not done: a single one here, several each in a process of its own.

    Args:
        watch: hears of what happens, in whichever process.
        fresh: train those anew that are done.

    Yields:
        the table of each cell, in order.

    Raises:
        DataError: another process trains one of them, or what is done of one is damaged.
    """
    from linrec_cli import disk
    from linrec_cli.results import store
    from linrec_cli.runs import find
    from linrec_cli.training.checkpoint import CHECKPOINT

    cells = [settled(cell, data) for cell in cells]
    known = find.trainings(results_dir)
    for number, settings in enumerate(cells, 1):
        folder = find.same(settings, results_dir, known) or store.folder(results_dir, settings.name)
        if not fresh and finished(folder):
            find.check(settings, folder)
            watch(skipped(folder))
        else:
            if len(cells) > 1:
                watch(events.Begun(folder.name, number, len(cells)))
            if fresh or not (folder / CHECKPOINT).is_file():
                watch(events.Anew(folder.name))
            # Nothing of this process is written where another is at work.
            with disk.locked(folder):
                pass
            (attempt if len(cells) == 1 else apart)(settings, data, folder, fresh, watch)
        yield store.read_table(folder / store.TABLE)


def skipped(folder: Path) -> events.Skipped:
    """Tell that a run is done, and by which commit."""
    from linrec_cli import machine
    from linrec_cli.results import store

    return events.Skipped(folder.name, store.read_table(folder / store.TABLE)["commit"][0] or "", machine.commit())


def attempt(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell; what goes wrong in it becomes a row."""
    from linrec_cli.disk import HeldError
    from linrec_cli.profiling import isolate

    try:
        train_one(settings, data, folder, watch=watch, fresh=fresh)
    except HeldError:
        raise
    except LinrecError as error:
        fail(settings, folder, "error", str(error), watch)
    except (MemoryError, RuntimeError) as error:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fail(settings, folder, "oom" if isolate.full(error) else "error", text, watch)


def fail(settings: Train, folder: Path, status: str, note: str, watch: Watch) -> None:
    """Write the row of a cell that failed, and tell it."""
    from linrec_cli import machine
    from linrec_cli.results import rows, schema, store

    environment = machine.describe(settings.device)
    shared = rows.shared(settings, "train", folder.name, datetime.now(UTC), environment)
    store.write_frame(schema.table(shared, [rows.failure(status, note)]), folder / store.TABLE)
    watch(events.Failed(folder.name, status, note))


def apart(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell in a fresh process, so that its memory is its own and its end is not ours."""
    from linrec_cli.profiling import isolate

    # Torch is loaded once for all cells.
    context = isolate.server()
    reader, writer = context.Pipe(duplex=False)
    # What is kept is opened there anew; a frame goes along.
    kept = data.prepared.folder or data.prepared
    process = context.Process(target=child, args=(settings, kept, data.source, folder, fresh, writer))
    process.start()
    writer.close()
    try:
        listen(reader, watch)
        process.join()
    except BaseException:
        # Ctrl-C on a terminal reaches the child too; any other signal is passed on. It saves and ends by itself.
        for seconds in PATIENCE:
            listen(reader, watch, seconds)
            process.join(0.1)
            process.terminate()
        process.join(PATIENCE[0])
        raise
    if process.exitcode == INTERRUPTED:
        raise KeyboardInterrupt
    if process.exitcode:
        fail(settings, folder, "error", f"its process ended with code {process.exitcode}", watch)


def listen(reader: Any, watch: Watch, seconds: float = float("inf")) -> None:
    """Pass on what a child tells, until it ends or the time is up."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            event = reader.recv() if reader.poll(min(left, 1.0)) else None
        except (EOFError, OSError):
            return
        if event:
            watch(event)


def child(settings: Train, kept: Any, source: Any, folder: Path, fresh: bool, writer: Any) -> None:
    """Open the data and train a cell, as a process of its own."""
    from linrec_cli.data import store
    from linrec_cli.runs.data import laid_out

    def tell(event: events.Event) -> None:
        # Who listened may be gone; the run goes on.
        with suppress(OSError):
            writer.send(event)

    try:
        prepared = store.load(kept, settings.data, lambda line: None) if isinstance(kept, Path) else kept
        if prepared is None:
            fail(settings, folder, "error", f"{kept} is gone or damaged; run the command again.", tell)
        else:
            attempt(settings, laid_out(prepared, source), folder, fresh, tell)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
