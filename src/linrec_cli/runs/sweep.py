"""The cells of a training sweep, one after the other: what is done is skipped, what fails is a row."""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from linrec_cli import disk, machine
from linrec_cli.errors import FaultError
from linrec_cli.results import store
from linrec_cli.runs import events, find
from linrec_cli.runs.apart import apart
from linrec_cli.runs.attempt import attempt, fail
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.runs.train import finished, settled, tidy
from linrec_cli.settings import Train

if TYPE_CHECKING:
    import polars as pl


def sweep(
    cells: Sequence[Train], data: Dataset, results_dir: Path, *, watch: Watch = unheard, fresh: bool = False,
    guarded: bool = False,
) -> Iterator["pl.DataFrame"]:  # fmt: skip
    """Train the cells that are not done: a single one here, several each in a process of its own.

    Of several, one that another process trains is left for last, and then waited for.

    Args:
        watch: hears of what happens, in whichever process.
        fresh: train those anew that are done.
        guarded: a single one has a process of its own too: it may be killed for want of memory, or this one holds more
            than it needs.

    Yields:
        the table of each cell, in order.

    Raises:
        DataError: what is done of one is damaged.
        HeldError: there is a single one, and another process trains it.
    """
    cells = [settled(cell, data) for cell in cells]
    known = find.trainings(results_dir)
    folders = [find.same(cell, results_dir, known) or store.folder(results_dir, cell.name) for cell in cells]
    turns, done, given = deque((number, False) for number in range(len(cells))), set[int](), 0
    while turns:
        number, wait = turns.popleft()
        folder = folders[number]
        try:
            of = (number + 1, len(cells))
            turn(cells[number], data, folder, fresh, watch, of=of, wait=wait, guarded=guarded)
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
    settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch, *, of: tuple[int, int], wait: bool,
    guarded: bool = False,
) -> None:  # fmt: skip
    """Train a cell, unless it is done: here, or in a process of its own where there are several or it is guarded.

    Of several, one whose mechanism, loss or model is at fault becomes a row at once.

    Args:
        of: its number, and how many there are.
        wait: for another process that trains it.

    Raises:
        HeldError: another process trains it.
    """
    from linrec_cli.training import promises
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
        try:
            promises.check(settings)
        except FaultError as error:
            fail(settings, folder, "error", str(error), watch)
            return
    if fresh or not (folder / CHECKPOINT).is_file():
        watch(events.Anew(folder.name))
    (apart if guarded or of[1] > 1 else attempt)(settings, data, folder, fresh, watch)


def skipped(folder: Path) -> events.Skipped:
    """Tell that a run is done, and by which commit."""
    return events.Skipped(folder.name, store.read_table(folder / store.TABLE)["commit"][0] or "", machine.commit())
