"""Ways to get a layer's output at the newest event."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from linrec_cli.phases._layer import lowered
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import TINY, Spans, inputs


def ways(cell: Cell, layer: Any, users: int, length: int) -> tuple[Spans, dict[str, int]]:
    """Make a span of each way to get the layer's output at the newest event, `[B, C]`, and count what one keeps."""
    x, lengths, _ = inputs(cell, users, length)
    event = x[:, -1].clone()

    def recomputation() -> torch.Tensor:
        with lowered(cell):
            return layer(x, lengths)[:, -1]

    found: Spans = {"recomputation": recomputation}
    kept: dict[str, int] = {}
    for name, begin, go in (("recurrence", state, "step"), ("cache", cache, "append")):
        if cell.form == "causal" and hasattr(layer, go):
            with lowered(cell):
                before = begin(layer, x)
            found = {name: answering(cell, partial(getattr(layer, go), event, before))} | found
            kept[name] = sum(part.nbytes for part in before if isinstance(part, torch.Tensor)) // users
    return found, kept


def answering(cell: Cell, answer: Callable[[], Any]) -> Callable[[], torch.Tensor]:
    """Answer from what was kept, the same each time, and leave what would be kept next."""

    def run() -> torch.Tensor:
        with lowered(cell):
            return answer()[0]

    return run


def state(layer: Any, x: torch.Tensor) -> Any:
    """Make the state of some histories, from a few events: it is as large, and costs as much, at any length."""
    found = layer.start(len(x))
    for event in x[:, : min(TINY, x.shape[1] - 1)].unbind(1):
        found = layer.step(event, found)[1]
    return found


def cache(layer: Any, x: torch.Tensor) -> Any:
    """Make the cache of all events but the newest, with room for that one."""
    return layer.cache(x[:, :-1], room=x.shape[1])
