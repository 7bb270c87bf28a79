"""One run of `linrec profile`: a new one or the rest of one cut short, written after every cell."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from linrec_cli import machine
from linrec_cli.cli import console
from linrec_cli.cli.profile_progress import watched
from linrec_cli.settings import Profile, digest

Row = dict[str, Any]


def measured(settings: Profile, force: bool, roofline: bool, results_dir: Path) -> list[Row]:
    """Measure a run, or what is left of one that was cut short, and work out how it scales.

    The table is written after every cell, so that what was measured is there whatever ends it.
    """
    from linrec_cli.analysis import scaling
    from linrec_cli.profiling import bench as sweep
    from linrec_cli.profiling.build import build
    from linrec_cli.results import store
    from linrec_cli.runs import lock as claim

    asked = asdict(settings) | {"roofline": roofline, "force": force}
    shared, rows = unfinished(settings, labels(settings), results_dir)
    shared["run"] = shared["run"] or claim.fresh(store.folder(results_dir, name) for name in names(settings)).name
    folder = store.folder(results_dir, shared["run"])
    with claim.taken(folder):
        try:
            new = sweep.run(settings, build, force=force, ceilings=roofline, done=list(rows))
            for cell in watched(settings, rows, new):
                rows += [shared | {"created": datetime.now(UTC)} | row for row in cell]
                write(asked, rows, folder)
            rows += scaling.rows(rows)
        finally:
            if rows:
                write(asked, rows, folder)
                console.say(f"Results are in {folder}")
            else:
                with suppress(OSError):
                    folder.rmdir()
    return rows


def names(settings: Profile) -> Iterator[str]:
    """Name a new run; a number follows where others began in the same second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    for one in chain([stamp], (f"{stamp}-{number}" for number in count(2))):
        yield f"profile-{settings.device}-{one}-{digest(settings)}"


def labels(settings: Profile) -> Row:
    """Write what is the same in every row of a new run, which has no name yet."""
    from linrec_cli.results import schema

    same = {name: getattr(settings, name) for name in ("seed", "threads")}
    made = {"benchmark": schema.BENCHMARK} | machine.describe(settings.device)
    return {"run": "", "command": "profile"} | same | made


def unfinished(settings: Profile, new: Row, results_dir: Path) -> tuple[Row, list[Row]]:
    """Find a run of the same settings, code and machine that was cut short: its labels, and the rows that stand.

    Where there is none, the labels of the new run and no row. Code with uncommitted changes may be another.
    """
    from linrec_cli.profiling import resume
    from linrec_cli.profiling.cell import cells
    from linrec_cli.results import store
    from linrec_cli.runs import lock as claim

    groups = list(cells(settings))
    for folder in sorted(results_dir.glob(f"runs/profile-*-{digest(settings)}"), reverse=True):
        table = store.read_table(folder / store.TABLE) if (folder / store.TABLE).is_file() else None
        if table is None or not len(table) or new["commit"].endswith("+") or claim.held(folder):
            continue
        rows = [{name: value for name, value in row.items() if value is not None} for row in table.to_dicts()]
        old = {name: rows[0].get(name, "") for name in new}
        stand = resume.kept(settings, rows)
        done = sum(resume.there(group, stand) for group in groups)
        if done < len(groups) and old | {"run": ""} == new | {"run": ""}:
            console.say(f"{folder.name} was cut short: {done} of {len(groups)} parts stand, the rest is measured now.")
            return old, stand
    return new, []


def write(asked: Row, rows: list[Row], folder: Path) -> None:
    """Write the run's settings and table."""
    from linrec_cli.results import schema, store

    store.write_settings(asked, folder / store.SETTINGS)
    store.write_frame(schema.table({}, rows), folder / store.TABLE)
