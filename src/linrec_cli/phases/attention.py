"""The attention layer alone, its projections included: a forward span, then its backward span."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "attention layer, forward + backward"
HELP = "the layer, forward and backward; either alone by its name"
ORDER = 10
KEEPS = True


def build(cell: "Cell") -> "Work":
    """Build the layer and its inputs."""
    from linrec_cli.phases._layer import halves

    return halves(cell)
