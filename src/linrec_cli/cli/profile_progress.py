"""A profile while it is measured: on a terminal a live table of the cells in turn, elsewhere a line a cell."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from linrec_cli.analysis import phases
from linrec_cli.cli import console
from linrec_cli.settings import Profile

if TYPE_CHECKING:
    from rich.console import RenderableType

Row = dict[str, Any]
TURN = ("phase", "model", "maxlen", "width", "heads", "dtype")
"""What the cells that take turns share."""


def watched(settings: Profile, cells: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Give on what a profile yields (rows that stand, each cell as it comes, slopes), and show the cells."""
    stand = next(cells)
    yield stand
    yield from (live if sys.stderr.isatty() else lines)(settings, stand, cells)


def lines(settings: Profile, stand: Sequence[Row], cells: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """Say a line a cell."""
    from linrec_cli.analysis import tables as summary

    for rows in cells:
        yield rows
        if measured(rows):
            console.say(summary.line(rows))


def measured(rows: Sequence[Row]) -> bool:
    """Tell whether rows are of a cell, and not made from those of others."""
    from linrec_cli.results.schema import MADE

    return bool(rows) and rows[0]["metric"] not in MADE


def live(settings: Profile, stand: Sequence[Row], cells: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """Show how far the sweep is, above a table of the cells that take turns now."""
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        MofNCompleteColumn(),
        BarColumn(20),
        TimeElapsedColumn(),
        console.described(),
    )
    progress = console.progress(*columns)
    task = progress.add_task("measuring", total=parts(settings, stand))
    now: list[Row] = []
    with Live(progress, console=console.stream(True), transient=True) as view:
        for rows in cells:
            yield rows
            if not measured(rows):
                continue
            now = [row for row in now if turn(row) == turn(rows[0])] + rows
            progress.update(task, advance=rows[0]["phase"] != "machine", description=name(now[0]))
            view.update(drawn(progress, now))


def parts(settings: Profile, done: Sequence[Row]) -> int:
    """Count what is still to come: of each cell memory and time, and of what is compiled the time alone."""
    from linrec_cli.profiling import finished
    from linrec_cli.profiling.cell import cells

    left = [group for group in cells(settings) if not finished.whole(group, done)]
    return sum(1 if cell.what.measure else 2 for group in left for cell in group)


def turn(row: Row) -> tuple[Any, ...]:
    """Tell the turns apart; the parts of a phase belong to the whole."""
    phase = row["phase"]
    return (phases.wholes().get(phase, phase), *(row.get(name) for name in TURN[1:]))


def name(row: Row) -> str:
    """Write what is measured now."""
    return row["phase"] if row["phase"] == "machine" else f"{turn(row)[0]} at {row['maxlen']:,}"


def drawn(progress: Any, rows: Sequence[Row]) -> "RenderableType":
    """Lay out the progress above the table of some rows, the layer's or the first of their phases."""
    from rich.console import Group

    from linrec_cli.analysis import tables as summary

    table = next(summary.tables(rows), None)
    if table is None:
        return Group(progress)
    return Group(progress, console.grid("", table.columns, table.lines))
