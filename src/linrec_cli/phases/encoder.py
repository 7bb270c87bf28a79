"""A whole model, forward and backward, without a loss and without an optimiser."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "{model}, forward + backward"
HELP = "the model, forward and backward"
ORDER = 20
MODEL = True
KEEPS = True


def build(cell: "Cell") -> "Work":
    """Build the model: a span encodes a batch and sends a gradient back."""
    import torch

    from linrec_cli.data.batch import Batch
    from linrec_cli.phases._layer import lowered
    from linrec_cli.phases._model import batch, histories, start
    from linrec_cli.profiling.work import Work, shapes

    model = start(cell, histories(cell, 1, cell.maxlen)).model
    whole, short = (batch(cell, *shape) for shape in shapes(cell))
    # What items are scored by is as wide as what is encoded.
    channels = model.table().shape[1]
    gradients = [torch.randn(*one.items.shape, channels, device=cell.device) for one in (whole, short)]

    def run(batch: Batch, gradient: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        with lowered(cell):
            hidden = model.encode(batch)
        hidden.backward(gradient.to(hidden.dtype))
        return hidden

    span, tiny = (partial(run, *given) for given in zip((whole, short), gradients, strict=True))
    return Work({"encoder": span}, tiny, model.zero_grad, flushed=False)
