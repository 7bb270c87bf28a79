"""A whole step of training, as `linrec train` does it: its batch is there already."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "{model}, training step"
HELP = "a whole step of training"
ORDER = 30
MODEL = True
KEEPS = True
TRAINS = True


def build(cell: "Cell") -> "Work":
    """Build the model and its optimiser."""
    from linrec_cli.phases._model import batch, histories, start
    from linrec_cli.profiling.work import Work, shapes
    from linrec_cli.training import fit

    state = start(cell, histories(cell, 1, cell.maxlen))
    whole, short = (batch(cell, *shape) for shape in shapes(cell))
    step = partial(fit.step, state)
    return Work({"step": partial(step, whole)}, partial(step, short), state.model.zero_grad, flushed=False)
