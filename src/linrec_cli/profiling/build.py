"""Build what a cell measures, as its phase says."""

import torch

from linrec_cli.phases._phase import phase
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work


def build(cell: Cell) -> Work:
    """Build the layer or the model, with its inputs, on the cell's device."""
    torch.manual_seed(cell.seed)
    return phase(cell.phase).build(cell)
