"""One new event for each of B users whose histories have length T: what the layer costs to answer it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from linrec_cli.phases._layer import lower, made
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import TINY, Spans, Work, inputs, shapes


def serve(cell: Cell) -> Work:
    """Build the ways there are: from a state or from a cache, if the mechanism has one, and the whole layer again."""
    layer = made(cell).requires_grad_(False)
    (spans, kept), (short, _) = (ways(cell, layer, *shape) for shape in shapes(cell))
    return Work(spans, lambda: [way() for way in short.values()], lambda: None, kernels=True, state=kept)


def ways(cell: Cell, layer: Any, users: int, length: int) -> tuple[Spans, dict[str, int]]:
    """Make a span of each way to get the layer's output at the newest event, `[B, C]`, and count what one keeps."""
    x, lengths, _ = inputs(cell, users, length)
    event = x[:, -1].clone()

    def recomputation() -> torch.Tensor:
        with lower(cell):
            return layer(x, lengths)[:, -1]

    found: Spans = {"recomputation": recomputation}
    kept: dict[str, int] = {}
    for name, begin, go in (("recurrence", after, "step"), ("cache", before, "append")):
        if cell.form == "causal" and hasattr(layer, go):
            with lower(cell):
                state = begin(layer, x)
            found = {name: lowered(cell, partial(getattr(layer, go), event, state))} | found
            kept[name] = sum(part.nbytes for part in state if isinstance(part, torch.Tensor)) // users
    return found, kept


def lowered(cell: Cell, answer: Callable[[], Any]) -> Callable[[], torch.Tensor]:
    """Answer from the same state each time, and leave the one that follows."""

    def run() -> torch.Tensor:
        with lower(cell):
            return answer()[0]

    return run


def after(layer: Any, x: torch.Tensor) -> Any:
    """Make the state of some histories, from a few events: it is as large, and costs as much, at any length."""
    state = layer.start(len(x))
    for event in x[:, : min(TINY, x.shape[1] - 1)].unbind(1):
        state = layer.step(event, state)[1]
    return state


def before(layer: Any, x: torch.Tensor) -> Any:
    """Make the cache of all events but the newest, with room for that one."""
    return layer.cache(x[:, :-1], room=x.shape[1])
