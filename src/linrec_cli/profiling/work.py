"""What a child runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from linrec_cli.profiling.cell import Cell

Spans = dict[str, Callable[[], object]]
Builder = Callable[[Cell], "Work"]

TINY = 16
"""Positions of the one sequence of a tiny run, which loads code and starts threads, and takes no memory."""


@dataclass(frozen=True)
class Work:
    """What a child runs.

    Attributes:
        spans: what is measured, by phase, in this order; of a phase with ways, by the way.
        tiny: runs the same code on one short sequence.
        bare: drops gradients, so that weights, optimiser and inputs are all there is.
        flushed: whether a GPU's cache is emptied before each span.
        state: bytes that a way to serve keeps of one history between two events, by name.
    """

    spans: Spans
    tiny: Callable[[], object]
    bare: Callable[[], object]
    flushed: bool
    state: dict[str, int] = field(default_factory=dict)


def shapes(cell: Cell) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give `(B, T)` of the cell and of its tiny run."""
    return (cell.batch, cell.maxlen), (1, min(TINY, cell.maxlen))


def inputs(cell: Cell, batch: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw `x [B, T, C]`, full `lengths [B]` and the gradient of the output `[B, T, C]`."""
    x, gradient = (torch.randn(batch, length, cell.width, device=cell.device) for _ in range(2))
    return x, torch.full((batch,), length, device=cell.device), gradient
