"""What is drawn of a results table: a file a figure.

A figure `NEEDS` something of the table, in words, and `every(table, wide)` draws all that the table has it for, `wide`
inches wide or as wide as its panels need. Each thing that figures share is in `plots`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from linrec_cli import catalog
from linrec_cli.errors import FaultError

if TYPE_CHECKING:
    from linrec_cli.analysis.reading import Rows
    from linrec_cli.plots.drawn import Drawn

MUST = {"NEEDS": str, "every": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""


def draw(
    table: "Rows", wide: float | None = None, tell: Callable[[str], object] = lambda said: None
) -> Iterator["Drawn"]:
    """Draw every figure that has numbers in a table: what a run gave, or all runs of a folder.

    Args:
        wide: inches; None is as wide as the panels need.
        tell: hears of each figure that cannot be imported or drawn, in one line.
    """
    from linrec_cli.analysis.reading import read

    whole = read(table)
    for name, figure in catalog.sound("figures", tell).items():
        try:
            with catalog.blamed("figures", name, "cannot be drawn"):
                yield from figure.every(whole, wide)
        except FaultError as error:
            tell(str(error))


def needs() -> dict[str, str]:
    """Say by name what each figure needs of a table."""
    return {name: figure.NEEDS for name, figure in catalog.sound("figures").items()}
