"""One profile: a new one or the rest of one cut short, written after every cell; without a folder, nothing is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import disk, machine
from linrec_cli.errors import DataError
from linrec_cli.runs import events, lock
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.settings import Effort, Profile, digest

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
SOON = 60.0
"""Seconds from a lock's making in which whoever made it has taken it."""


def profile(settings: Profile, folder: Path | None = None, *, effort: Effort | None = None) -> "pl.DataFrame":
    """Measure time, memory and work of every cell, and how they scale.

    Args:
        folder: of the run; None writes nothing.
        effort: how far it goes.
    """
    from linrec_cli.results import schema

    return schema.table({}, [row for rows in cells(settings, folder, effort=effort) for row in rows])


def cells(settings: Profile, folder: Path | None = None, *, effort: Effort | None = None) -> Iterator[list[Row]]:
    """Measure a run, or what is left of one that was cut short in its folder, and work out how it scales.

    The table is written after every cell, so that what was measured is there whatever ends it.

    Yields:
        whole rows: first those that stand from before, then those of each cell, last how they scale.

    Raises:
        DataError: another process is at work in the folder, or it holds a run of other settings, code or machine.
    """
    effort = effort or Effort()
    # Left once it is no longer held, and only by whoever held it.
    with ExitStack() as after, disk.locked(folder) if folder else nullcontext():
        shared, rows = labels(settings, next(names(settings))), list[Row]()
        if folder:
            after.callback(lock.leave, folder)
            shared, rows = taken_up(settings, folder, effort)
        yield list(rows)
        for made in measured(settings, effort, shared, rows):
            rows += made
            if folder and rows:
                write(asdict(settings) | asdict(effort), rows, folder)
            yield made


def measured(settings: Profile, effort: Effort, shared: Row, rows: list[Row]) -> Iterator[list[Row]]:
    """Measure the cells that `rows` does not hold, which grow meanwhile, and then make the slopes of all."""
    from linrec_cli.analysis import scaling
    from linrec_cli.profiling import bench
    from linrec_cli.profiling.build import build

    for cell in bench.run(settings, build, force=effort.force, ceilings=effort.roofline, done=list(rows)):
        yield [shared | {"created": datetime.now(UTC)} | row for row in cell]
    yield scaling.rows(rows)


def names(settings: Profile) -> Iterator[str]:
    """Name a new run; a number follows where others began in the same second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    for one in chain([stamp], (f"{stamp}-{number}" for number in count(2))):
        yield f"profile-{settings.device}-{one}-{digest(settings)}"


def labels(settings: Profile, run: str) -> Row:
    """Write what is the same in every row of a new run."""
    from linrec_cli.results import schema

    same = {name: getattr(settings, name) for name in ("seed", "threads")}
    made = {"benchmark": schema.BENCHMARK} | machine.describe(settings.device)
    return {"run": run, "command": "profile"} | same | made


def place(settings: Profile, results_dir: Path, watch: Watch = unheard, *, effort: Effort | None = None) -> Path:
    """Choose the folder of a run: of one of the same settings, code and machine that was cut short, or a new one.

    Code with uncommitted changes may be another each time.
    """
    from linrec_cli.profiling import finished
    from linrec_cli.profiling.cell import cells
    from linrec_cli.results import store

    groups = list(cells(settings))
    for folder in sorted(results_dir.glob(f"runs/profile-*-{digest(settings)}"), reverse=True):
        before = begun(folder)
        if disk.held(folder):
            continue
        if before and not (folder / store.TABLE).exists():
            return folder
        if not (found := standing(settings, folder, effort or Effort())):
            continue
        done = sum(finished.whole(group, found[1]) for group in groups)
        if done < len(groups):
            watch(events.CutShort(folder.name, done, len(groups)))
            return folder
    return lock.fresh(store.folder(results_dir, name) for name in names(settings))


def begun(folder: Path) -> bool:
    """Tell whether a run held a folder, or holds it, or was killed on the way; where neither is so one is about to."""
    with suppress(OSError):
        return (folder / disk.HOLDER).exists() or time.time() - (folder / disk.LOCK).stat().st_mtime > SOON
    return False


def taken_up(settings: Profile, folder: Path, effort: Effort) -> tuple[Row, list[Row]]:
    """Give the labels of a run in its folder, and the rows that stand.

    Raises:
        DataError: the folder holds a run of other settings, code or machine.
    """
    from linrec_cli.results import store

    if not (folder / store.TABLE).is_file():
        return labels(settings, folder.name), []
    if found := standing(settings, folder, effort):
        return found
    raise DataError(f"{folder} holds a run of other settings, code or machine; give another folder.")


def standing(settings: Profile, folder: Path, effort: Effort) -> tuple[Row, list[Row]] | None:
    """Read the labels and rows that stand of a run of the same settings, code and machine; None of any other.

    What was not tried, or not told of what was, does not stand where the effort goes further now.
    """
    from linrec_cli.declared import from_stored
    from linrec_cli.profiling import finished
    from linrec_cli.results import store

    new = labels(settings, folder.name)
    table = store.read_table(folder / store.TABLE) if (folder / store.TABLE).is_file() else None
    if table is None or not len(table) or new["commit"].endswith("+"):
        return None
    rows = [{name: value for name, value in row.items() if value is not None} for row in table.to_dicts()]
    old = {name: rows[0].get(name, "") for name in new}
    asked = from_stored(Profile, store.read_settings(folder / store.SETTINGS))
    if digest(asked) != digest(settings) or old | {"run": ""} != new | {"run": ""}:
        return None
    return old, finished.standing(settings, list(finished.far_enough(rows, effort)))


def write(asked: Row, rows: list[Row], folder: Path) -> None:
    """Write the run's settings and table."""
    from linrec_cli.results import schema, store

    store.write_settings(asked, folder / store.SETTINGS)
    store.write_frame(schema.table({}, rows), folder / store.TABLE)
