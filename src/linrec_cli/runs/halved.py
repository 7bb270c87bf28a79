"""Cells of a sweep whose memory ran out, once more with half of the positions a batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from linrec_cli.runs import events
from linrec_cli.settings import Train

if TYPE_CHECKING:
    import polars as pl


def halved(cell: Train) -> Train | None:
    """Halve the positions a batch; None where a batch may be a single window already."""
    return replace(cell, tokens=cell.tokens // 2) if cell.tokens > cell.maxlen else None


def advice(cell: Train) -> str:
    """Say which settings take less memory: what a batch takes goes with its positions."""
    smaller = halved(cell)
    if smaller is None:
        return "give a lower --maxlen, --width or --layers"
    return f"--tokens {smaller.tokens} takes about half as much a batch, and --fit tries it once"


def reason(cell: Train, full: bool, said: str) -> tuple[str, str]:
    """Give status and note of a cell that failed, with advice where memory ran out."""
    return ("oom", f"{said}; {advice(cell)}") if full else ("error", said)


def again(
    cells: Sequence[Train],
    tables: Sequence["pl.DataFrame"],
    sweep: Callable[[Sequence[Train]], Iterable["pl.DataFrame"]],
    watch: events.Watch,
) -> tuple[list[Train], list["pl.DataFrame"]]:
    """Train the cells whose memory ran out by half of their positions a batch, once.

    Args:
        tables: of the cells, one each.

    Returns:
        the cells as they stand now, and their tables.
    """
    less = {
        number: smaller
        for number, (cell, table) in enumerate(zip(cells, tables, strict=True))
        if (table["status"] == "oom").any() and (smaller := halved(cell))
    }
    for cell in less.values():
        watch(events.Halved(cell.name, cell.tokens))
    made = dict(zip(less, sweep(list(less.values())) if less else (), strict=True))
    return [less.get(n, cell) for n, cell in enumerate(cells)], [made.get(n, table) for n, table in enumerate(tables)]
