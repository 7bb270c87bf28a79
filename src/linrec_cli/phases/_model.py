"""A whole model: its encoder, its training step as `linrec train` does it, its ranking as `linrec evaluate` does."""

import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.phases._layer import lower
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work, inputs, shapes
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.batches import Batch

SAME = ("model", "attn", "maxlen", "width", "heads", "layers", "seed", "device", "dtype", "threads")
"""What a cell and the settings of a training run call by the same name."""


def start(cell: Cell) -> fit.State:
    """Make the model and its optimiser, as training does."""
    settings = Train(tokens=cell.batch * cell.maxlen, **{name: getattr(cell, name) for name in SAME})
    state = fit.start(settings, cell.items)
    state.model.train()
    return state


def step(cell: Cell) -> Work:
    """Build the model and its optimiser: a span is a whole step of training."""
    state = start(cell)
    batch, short = (batches(cell, *shape) for shape in shapes(cell))

    def run(batch: Batch = batch) -> None:
        fit.step(state.model, state.optimizer, batch, cell.dtype)

    return Work({"step": run}, lambda: run(short), lambda: state.optimizer.zero_grad(), kernels=False)


def encoder(cell: Cell) -> Work:
    """Build the model: a span encodes a batch, forward and backward, without a loss and without an optimiser."""
    model = start(cell).model
    whole, short = ((batches(cell, *shape), inputs(cell, *shape)[2]) for shape in shapes(cell))

    def run(batch: Batch = whole[0], gradient: torch.Tensor = whole[1]) -> None:
        model.zero_grad()
        with lower(cell):
            hidden = model.encode(batch.items, batch.lengths)
        hidden.backward(gradient.to(hidden.dtype))

    return Work({"encoder": run}, lambda: run(*short), lambda: model.zero_grad(), kernels=False)


def evaluate(cell: Cell) -> Work:
    """Build the model and its users: a span ranks the test item of each among all items."""
    model = start(cell).model
    users, few = (histories(cell, *shape) for shape in shapes(cell))

    def run(users: Sequences = users) -> None:
        ranks(model, users, "test", cell.maxlen)

    return Work({"evaluate": run}, lambda: run(few), lambda: None, kernels=False)


def batches(cell: Cell, batch: int, length: int) -> Batch:
    """Draw a batch without padding, items uniformly."""
    items, targets = (torch.randint(1, cell.items + 1, (batch, length), device=cell.device) for _ in range(2))
    return Batch(items, targets, torch.full((batch,), length, device=cell.device), batch * length)


def histories(cell: Cell, users: int, length: int) -> Sequences:
    """Draw users with so many events and the one to rank, items uniformly."""
    flat = torch.randint(1, cell.items + 1, (users * (length + 1),))
    offsets = torch.arange(users + 1) * (length + 1)
    return Sequences(flat, offsets, cell.items, torch.arange(users)).to(cell.device)
