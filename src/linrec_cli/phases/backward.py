"""The layer's backward pass alone; it is run with the other half all the same."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "attention layer, backward"
HELP = "the layer's backward pass alone"
ORDER = 12
PART_OF = "attention"


def build(cell: "Cell") -> "Work":
    """Build the layer and its inputs."""
    from linrec_cli.phases._layer import halves

    return halves(cell)
