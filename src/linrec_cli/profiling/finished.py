"""A profile that was cut short: which of its cells are finished, and what their rows say about the rest."""

from collections.abc import Iterable, Iterator, Sequence

from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.profiling.roofline import Ceiling
from linrec_cli.profiling.rows import Row
from linrec_cli.profiling.tries import BARRED
from linrec_cli.settings import Effort, Profile


def standing(settings: Profile, rows: Sequence[Row]) -> list[Row]:
    """Choose the rows that stand: those of the machine, and of cells whose whole group was timed.

    Mechanisms of a group took turns, and are compared because they did: of a group cut short nothing is kept.
    """
    done = [cell for group in cells(settings) if whole(group, rows) for cell in group]
    # What a GPU's driver says is asked for anew.
    machine = [row for row in rows if row["phase"] == "machine" and row["metric"] != "gpu_clock"]
    return machine + [row for row in rows if any(belongs(row, cell) for cell in done)]


def far_enough(rows: Sequence[Row], effort: Effort) -> Iterator[Row]:
    """Leave out the times of cells that an effort takes further now: what was not tried, what no roof was known to."""
    roofless = effort.roofline and not any(row["phase"] == "machine" and row.get("dtype") for row in rows)
    for row in rows:
        untried = effort.force and BARRED in row.get("note", "")
        if row["metric"] != "seconds" or not (untried or roofless):
            yield row


def whole(group: Iterable[Cell], rows: Sequence[Row]) -> bool:
    """Tell whether each cell of a group was timed, or has a row that says why not."""
    times = [row for row in rows if row["metric"] == "seconds"]
    return all(any(belongs(row, cell) for row in times) for cell in group)


def belongs(row: Row, cell: Cell) -> bool:
    """Tell whether a row is one of a cell's; what is made of several lengths belongs to none."""
    same = all(row.get(name) == value for name, value in cell.labels.items())
    return same and row["phase"] in cell.phases and row.get("maxlen") is not None


def failures(cell: Cell, rows: Iterable[Row]) -> Iterable[str]:
    """List how a cell's own rows ended, where they gave no number."""
    return [row["status"] for row in rows if row["status"] != "ok" and belongs(row, cell)]


def ceilings(rows: Iterable[Row]) -> dict[str, Ceiling]:
    """Read the machine's ceilings, by dtype, where both were measured."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["phase"] == "machine" and row["status"] == "ok" and row.get("dtype"):
            found.setdefault(row["dtype"], {})[row["stage"]] = row["value"]
    return {dtype: Ceiling(one["copy"], one["matmul"]) for dtype, one in found.items() if len(one) == 2}
