"""One new event for each of B users whose histories have length T: what the layer costs to answer it."""

from typing import Any

import torch

from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.layer import lower, made
from linrec_cli.profiling.spans import TINY, Spans, Work, inputs, shapes


def serve(cell: Cell) -> Work:
    """Build the ways there are: a step of the recurrence, if the mechanism has one, and the whole layer again."""
    layer = made(cell).requires_grad_(False)
    spans, short = (ways(cell, layer, *shape) for shape in shapes(cell))
    return Work(spans, lambda: [way() for way in short.values()], lambda: None, kernels=True)


def ways(cell: Cell, layer: Any, users: int, length: int) -> Spans:
    """Make a span of each way to get the layer's output at the newest event, `[B, C]`."""
    x, lengths, _ = inputs(cell, users, length)

    def recomputation() -> torch.Tensor:
        with lower(cell):
            return layer(x, lengths)[:, -1]

    if cell.form != "causal" or not hasattr(layer, "step"):
        return {"recomputation": recomputation}
    state, event = after(cell, layer, x), x[:, -1].clone()

    def recurrence() -> torch.Tensor:
        with lower(cell):
            return layer.step(event, state)[0]

    return {"recurrence": recurrence, "recomputation": recomputation}


def after(cell: Cell, layer: Any, x: torch.Tensor) -> object:
    """Make the state of some histories, from a few events: it is as large, and costs as much, at any length."""
    with lower(cell):
        state = layer.start(len(x))
        for event in x[:, : min(TINY, x.shape[1] - 1)].unbind(1):
            state = layer.step(event, state)[1]
    return state
