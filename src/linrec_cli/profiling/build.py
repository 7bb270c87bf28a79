"""Build what a cell measures, by its phase."""

import torch

from linrec_cli.phases import _layer as layer
from linrec_cli.phases import _model as whole
from linrec_cli.phases import compile as compiling
from linrec_cli.phases import serve
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Builder, Work

BUILDERS: dict[str, Builder] = {
    "forward": layer.attention,
    "backward": layer.attention,
    "attention": layer.attention,
    "encoder": whole.encoder,
    "step": whole.step,
    "evaluate": whole.evaluate,
    "serve": serve.serve,
    "compile": compiling.first_run,
}


def build(cell: Cell) -> Work:
    """Build the layer or the model, with its inputs, on the cell's device."""
    torch.manual_seed(cell.seed)
    return BUILDERS[cell.phase](cell)
