"""The attention layer alone, its projections included."""

import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work, inputs, shapes


def halves(cell: Cell) -> Work:
    """Build the layer and its inputs: a forward span, then its backward span."""
    layer = made(cell)
    whole, short = (inputs(cell, *shape) for shape in shapes(cell))
    for x, *_ in (whole, short):
        x.requires_grad_()
    out: list[Tensor] = []

    def forward(given: tuple[Tensor, ...] = whole) -> Tensor:
        clear(layer, given[0])
        with lowered(cell):
            out.append(layer(given[0], given[1]))
        return out[-1]

    def backward(given: tuple[Tensor, ...] = whole) -> Tensor | None:
        y = out.pop()
        y.backward(given[2].to(y.dtype))
        return given[0].grad

    def tiny() -> None:
        forward(short)
        backward(short)

    return Work({"forward": forward, "backward": backward}, tiny, lambda: clear(layer, whole[0]), flushed=True)


def made(cell: Cell) -> nn.Module:
    """Make the layer in the form of the cell, on its device."""
    causal = cell.form == "causal"
    return build(cell.attn, cell.width, cell.heads, causal=causal, maxlen=cell.maxlen).to(cell.device)


def lowered(cell: Cell) -> torch.autocast:
    """Compute in bfloat16 where the cell says so."""
    return torch.autocast(cell.device, torch.bfloat16, enabled=cell.dtype == "bfloat16")


def clear(layer: nn.Module, x: Tensor) -> None:
    """Drop the gradients of a layer and of its input."""
    layer.zero_grad()
    x.grad = None
