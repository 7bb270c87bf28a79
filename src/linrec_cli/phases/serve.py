"""One new event for each of B users whose histories have length T: what the layer costs to answer it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "attention layer, one new event for each user"
HELP = "one new event for each user"
ORDER = 50
USERS = True
WAYS = True
LEFT_OUT = ("roof", "peak MiB")


def build(cell: "Cell") -> "Work":
    """Build the ways there are: from a state or from a cache, if the mechanism has one, and the whole layer again."""
    from linrec_cli.phases._layer import made
    from linrec_cli.phases._ways import ways
    from linrec_cli.profiling.work import Work, shapes

    layer = made(cell).requires_grad_(False)
    (spans, kept), (short, _) = (ways(cell, layer, *shape) for shape in shapes(cell))
    return Work(spans, lambda: [way() for way in short.values()], lambda: None, flushed=True, state=kept)
