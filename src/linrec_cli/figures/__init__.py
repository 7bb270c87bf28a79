"""What is drawn of a results table: a file a figure.

A figure `NEEDS` something of the table, in words, and `every(table, wide)` draws all that the table has it for, `wide`
inches wide or as wide as its panels need. Each thing that figures share is in `plots`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from linrec_cli import catalog

if TYPE_CHECKING:
    from linrec_cli.analysis.reading import Rows
    from linrec_cli.plots.drawn import Drawn


def draw(table: "Rows", wide: float | None = None) -> Iterator["Drawn"]:
    """Draw every figure of the folder that a table has numbers for: what a run gave, or all runs of a folder.

    Args:
        wide: inches; None is as wide as the panels need.
    """
    from linrec_cli.analysis.reading import read

    whole = read(table)
    for name in catalog.names("figures"):
        yield from catalog.load("figures", name).every(whole, wide)


def needs() -> dict[str, str]:
    """Say by name what each figure needs of a table."""
    return {name: catalog.load("figures", name).NEEDS for name in catalog.names("figures")}
