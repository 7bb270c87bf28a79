"""The cells of a training sweep, one after the other: what is done is skipped, what fails is a row."""

import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.errors import LinrecError
from linrec_cli.processes import LostError
from linrec_cli.refusals import RefusedError
from linrec_cli.runs import events
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.runs.interrupt import Interrupts
from linrec_cli.runs.train import finished, settled, tidy
from linrec_cli.runs.train import train as train_one
from linrec_cli.settings import Train

if TYPE_CHECKING:
    import polars as pl

INTERRUPTED, TERMINATED, HELD = 130, 143, 75
"""Exit codes of a child that was told to stop, and of one whose folder another process holds."""
PATIENCE = 60.0
"""Seconds a child has to save and end after it was told to, and where its parent was killed."""


def sweep(
    cells: Sequence[Train], data: Dataset, results_dir: Path, *, watch: Watch = unheard, fresh: bool = False
) -> Iterator["pl.DataFrame"]:
    """Train the cells that are not done: a single one here, several each in a process of its own.

    Of several, one that another process trains is left for last, and then waited for.

    Args:
        watch: hears of what happens, in whichever process.
        fresh: train those anew that are done.

    Yields:
        the table of each cell, in order.

    Raises:
        DataError: what is done of one is damaged.
        HeldError: there is a single one, and another process trains it.
    """
    from linrec_cli import disk
    from linrec_cli.results import store
    from linrec_cli.runs import find

    cells = [settled(cell, data) for cell in cells]
    known = find.trainings(results_dir)
    folders = [find.same(cell, results_dir, known) or store.folder(results_dir, cell.name) for cell in cells]
    turns, done, given = deque((number, False) for number in range(len(cells))), set[int](), 0
    while turns:
        number, wait = turns.popleft()
        folder = folders[number]
        try:
            turn(cells[number], data, folder, fresh, watch, of=(number + 1, len(cells)), wait=wait)
            done.add(number)
        except disk.HeldError:
            if len(cells) == 1:
                raise
            watch(events.Elsewhere(folder.name, disk.holder(folder)))
            turns.append((number, True))
        while given in done:
            yield store.read_table(folders[given] / store.TABLE)
            given += 1


def turn(
    settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch, *, of: tuple[int, int], wait: bool
) -> None:
    """Train a cell, unless it is done: here, or in a process of its own where there are several.

    Args:
        of: its number, and how many there are.
        wait: for another process that trains it.

    Raises:
        HeldError: another process trains it.
    """
    from linrec_cli import disk
    from linrec_cli.runs import find
    from linrec_cli.training.checkpoint import CHECKPOINT

    if not fresh and finished(folder):
        find.check(settings, folder)
        tidy(folder)
        watch(skipped(folder))
        return
    # Nothing of this process is written, or told, where another is at work.
    with disk.locked(folder, (lambda: None) if wait else None):
        pass
    if wait and finished(folder):
        watch(skipped(folder))
        return
    if of[1] > 1:
        watch(events.Begun(folder.name, *of))
    if fresh or not (folder / CHECKPOINT).is_file():
        watch(events.Anew(folder.name))
    (attempt if of[1] == 1 else apart)(settings, data, folder, fresh, watch)


def skipped(folder: Path) -> events.Skipped:
    """Tell that a run is done, and by which commit."""
    from linrec_cli import machine
    from linrec_cli.results import store

    return events.Skipped(folder.name, store.read_table(folder / store.TABLE)["commit"][0] or "", machine.commit())


def attempt(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell; what goes wrong in it becomes a row.

    Raises:
        HeldError: another process trains it.
        RefusedError: nothing can be written.
        LostError: it has several processes, and one is gone; the others stand where it was saved last.
    """
    from linrec_cli import disk, machine
    from linrec_cli.profiling import isolate

    try:
        train_one(settings, data, folder, watch=watch, fresh=fresh)
    except (disk.HeldError, RefusedError, LostError):
        raise
    except LinrecError as error:
        fail(settings, folder, "error", str(error), watch)
    except (MemoryError, RuntimeError) as error:
        fail(settings, folder, "oom" if isolate.full(error) else "error", machine.said(error), watch)


def fail(settings: Train, folder: Path, status: str, note: str, watch: Watch) -> None:
    """Write the row of a cell that failed, and tell it.

    Raises:
        HeldError: another process trains it by now.
    """
    from linrec_cli import disk, machine
    from linrec_cli.results import rows, schema, store

    environment = machine.describe(settings.device)
    shared = rows.shared(settings, "train", folder.name, datetime.now(UTC), environment)
    with disk.locked(folder):
        if finished(folder):
            return
        store.write_frame(schema.table(shared, [rows.failure(status, note)]), folder / store.TABLE)
    watch(events.Failed(folder.name, status, note))


def apart(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell in a fresh process, so that its memory is its own and its end is not ours.

    Raises:
        HeldError: another process trains it.
    """
    from linrec_cli.disk import HeldError
    from linrec_cli.profiling import isolate

    # Torch is loaded once for all cells.
    context = isolate.server()
    reader, writer = context.Pipe(duplex=False)
    # What is kept is opened there anew; a frame goes along.
    kept = data.prepared.folder or data.prepared
    process = context.Process(target=child, args=(settings, kept, data.source, folder, fresh, writer))
    try:
        process.start()
        writer.close()
        listen(reader, watch)
        process.join()
    except BaseException:
        if process.pid:
            stop(process, reader, watch)
        raise
    code = process.exitcode
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code in (TERMINATED, -signal.SIGTERM):
        raise SystemExit(TERMINATED)
    if code == HELD:
        raise HeldError(f"another process is at work on {folder}.")
    if code:
        fail(settings, folder, "error", f"its process ended with code {code}", watch)


def stop(process: Any, reader: Any, watch: Watch) -> None:
    """Tell a child to save and end, and wait for it, whatever else comes."""
    with suppress(KeyboardInterrupt, SystemExit), Interrupts("the run to be saved") as interrupts:
        # What made this begin was the first.
        interrupts.count = 1
        process.terminate()
        try:
            listen(reader, watch, PATIENCE)
        finally:
            process.join(PATIENCE)
            # What it would save now is lost; its last checkpoint stays.
            process.kill()
            process.join()


def listen(reader: Any, watch: Watch, seconds: float = float("inf")) -> None:
    """Pass on what a child tells, until it ends or the time is up.

    Raises:
        LinrecError: what ended it.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            event = reader.recv() if reader.poll(min(left, 1.0)) else None
        except (EOFError, OSError):
            return
        if isinstance(event, LinrecError):
            raise event
        if event:
            watch(event)


def child(settings: Train, kept: Any, source: Any, folder: Path, fresh: bool, writer: Any) -> None:
    """Open the data and train a cell, as a process of its own."""
    from linrec_cli.data import store
    from linrec_cli.disk import HeldError
    from linrec_cli.profiling import isolate
    from linrec_cli.runs.data import laid_out

    # A terminal sends Ctrl-C to both; the parent alone decides, and tells by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    isolate.end_with_parent(PATIENCE)

    def tell(event: events.Event | LinrecError) -> None:
        # Who listened may be gone; the run goes on until it can be saved.
        with suppress(OSError):
            writer.send(event)

    try:
        prepared = store.load(kept, settings.data, lambda line: None) if isinstance(kept, Path) else kept
        if prepared is None:
            fail(settings, folder, "error", f"{kept} is gone or damaged; run the command again.", tell)
        else:
            attempt(settings, laid_out(prepared, source), folder, fresh, tell)
    except HeldError:
        raise SystemExit(HELD) from None
    except LinrecError as error:
        tell(error)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
