"""A whole model as training starts it, and drawn data for it."""

import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.data.batch import Batch, Window
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.profiling.cell import Cell
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.state import State

SAME = (
    "model", "attn", "objective", "loss", "maxlen", "width", "heads", "layers", "seed", "device", "dtype", "threads",
)  # fmt: skip
"""What a cell and the settings of a training run call by the same name."""
VALUES = 20
"""Of the one feature that drawn items have, about as many as there are genres in MovieLens."""


def start(cell: Cell, sequences: Sequences) -> State:
    """Make the model and its optimiser as training on these histories does; what is counted is."""
    settings = Train(tokens=cell.batch * cell.maxlen, **{name: getattr(cell, name) for name in SAME})
    targets = lasts(sequences)
    parts = Parts(targets.place, targets, targets)
    state = fit.start(settings, sequences, parts)
    if state.optimizer is None:
        state.model.count(sequences, parts)
    state.model.train()
    return state


def batch(cell: Cell, size: int, length: int) -> Batch:
    """Draw a batch without padding, items uniformly; the cell's objective says what is to be predicted."""
    items, after = (torch.randint(1, cell.items + 1, (size, length), device=cell.device) for _ in range(2))
    times = drawn_times(size, length + 1).to(cell.device)
    window = Window(items, after, torch.full((size,), length), cell.items + 1, times[:, :-1], times[:, 1:])
    generator = torch.Generator().manual_seed(cell.seed)
    made: Batch = catalog.bound("objectives", cell.objective, "targets")(window, generator)
    return made


def histories(cell: Cell, users: int, length: int) -> Sequences:
    """Draw users with so many events and one to rank, items uniformly, and times; an item has one of the `VALUES`."""
    flat = torch.randint(1, cell.items + 1, (users * (length + 1),))
    offsets = torch.arange(users + 1) * (length + 1)
    feature = torch.arange(cell.items + 1)[:, None] % VALUES == torch.arange(VALUES)
    feature[0] = False
    times, features = drawn_times(users, length + 1).flatten(), {"drawn": feature}
    return Sequences(flat, offsets, cell.items, torch.arange(users), times, features).to(cell.device)


def drawn_times(users: int, events: int) -> Tensor:
    """Draw when events were, `[users, events]` in seconds, up to a day apart, without touching what else is drawn."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(86_400, (users, events), generator=generator).cumsum(1)


def lasts(sequences: Sequences) -> Targets:
    """Point at the last event of each user."""
    return Targets(sequences.offsets[1:] - 1, torch.arange(len(sequences.users), device=sequences.flat.device))
