"""Build what a cell measures: the attention layer alone, or the training step as `linrec train` does it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build as mechanism
from linrec_cli.profiling.cell import Cell
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.batches import Batch

TINY = 16
"""Positions of the one sequence of a tiny run, which loads code and starts threads, and takes no memory."""


@dataclass(frozen=True)
class Work:
    """What a child runs.

    Attributes:
        spans: what is measured, by phase, in this order.
        tiny: runs the same code on one short sequence.
        bare: drops gradients, so that weights, optimiser and inputs are all there is.
        kernels: whether a GPU's cache is emptied before each span.
    """

    spans: dict[str, Callable[[], object]]
    tiny: Callable[[], object]
    bare: Callable[[], object]
    kernels: bool


Builder = Callable[[Cell], Work]

SAME = ("model", "maxlen", "width", "heads", "layers", "seed", "device", "dtype", "threads")
"""What a cell and the settings of a training run call by the same name."""


def build(cell: Cell) -> Work:
    """Build the layer or the training step, with its inputs, on the cell's device."""
    torch.manual_seed(cell.seed)
    return step(cell) if cell.phase == "step" else attention(cell)


def attention(cell: Cell) -> Work:
    """Build the attention layer, its projections included: a forward span, then its backward span."""
    layer = mechanism(cell.attn, cell.width, cell.heads, causal=True, maxlen=cell.maxlen).to(cell.device)
    inputs, short = (layer_inputs(cell, *shape) for shape in shapes(cell))
    out: list[Tensor] = []

    def forward(inputs: tuple[Tensor, ...] = inputs) -> None:
        clear(layer, inputs[0])
        with torch.autocast(cell.device, torch.bfloat16, enabled=cell.dtype == "bfloat16"):
            out.append(layer(inputs[0], inputs[1]))

    def backward(inputs: tuple[Tensor, ...] = inputs) -> None:
        y = out.pop()
        y.backward(inputs[2].to(y.dtype))

    def tiny() -> None:
        forward(short)
        backward(short)

    spans: dict[str, Callable[[], object]] = {"forward": forward, "backward": backward}
    return Work(spans, tiny, lambda: clear(layer, inputs[0]), kernels=True)


def step(cell: Cell) -> Work:
    """Build the model and its optimiser: a span is a whole step of training."""
    settings = Train(
        attn=cell.attn,
        tokens=cell.batch * cell.maxlen,
        **{name: getattr(cell, name) for name in SAME},
    )
    state = fit.start(settings, cell.items)
    state.model.train()
    batch, short = (step_inputs(cell, *shape) for shape in shapes(cell))

    def run(batch: Batch = batch) -> None:
        fit.step(state.model, state.optimizer, batch, cell.dtype)

    return Work({"step": run}, lambda: run(short), lambda: state.optimizer.zero_grad(), kernels=False)


def shapes(cell: Cell) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give `(B, T)` of the cell and of its tiny run."""
    return (cell.batch, cell.maxlen), (1, min(TINY, cell.maxlen))


def clear(layer: nn.Module, x: Tensor) -> None:
    """Drop the gradients of a layer and of its input."""
    layer.zero_grad()
    x.grad = None


def layer_inputs(cell: Cell, batch: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw `x [B, T, C]`, full `lengths [B]` and the gradient of the output `[B, T, C]`."""
    x, gradient = (torch.randn(batch, length, cell.width, device=cell.device) for _ in range(2))
    return x.requires_grad_(), torch.full((batch,), length, device=cell.device), gradient


def step_inputs(cell: Cell, batch: int, length: int) -> Batch:
    """Draw a batch without padding, items uniformly."""
    items, targets = (torch.randint(1, cell.items + 1, (batch, length), device=cell.device) for _ in range(2))
    return Batch(items, targets, torch.full((batch,), length, device=cell.device), batch * length)
