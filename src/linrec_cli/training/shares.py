"""Several processes train as one: each takes rows of the same batch, and their gradients are added up.

Of one flat tensor a step, where torch's own wrapper would cut it in buckets, overlap them with the backward pass, and
average over processes: a batch's loss is a mean over targets, of which no two processes have as many.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from linrec_cli import processes
from linrec_cli.data.batch import Batch
from linrec_cli.losses._draw import Draw
from linrec_cli.training.seeds import mixed, seed
from linrec_cli.training.state import State


@dataclass(frozen=True)
class Share:
    """What this process has of a batch.

    Attributes:
        batch: some of its rows.
        weight: of their mean loss in that of the whole batch.
        own: the numbers of their predictions among those of the batch; None: all.
        predictions: of the whole batch.
    """

    batch: Batch
    weight: float = 1.0
    own: Tensor | None = None
    predictions: int = 0

    def draw(self, draw: Draw) -> Draw:
        """Draw for each prediction the same whichever process has it; without dropout, what one process would draw."""
        return draw if self.own is None else replace(draw, own=self.own, predictions=self.predictions)

    def weighted(self, loss: Tensor) -> Tensor:
        """Make a part of the mean over all predictions of the mean over its own."""
        return loss if self.own is None else loss * self.weight


def share(batch: Batch) -> Share:
    """Take every n-th row for one of n processes: rows are ordered by length, and so all have as much to do.

    Where there are fewer rows than processes, one without any takes the first row and counts nothing of it: every
    process runs the same model and has gradients of the same parameters. A GPU is waited for.
    """
    count, rank = processes.count(), processes.rank()
    if count == 1 or batch.targets is None:
        return Share(batch)
    rows, width = batch.items.shape
    idle = rank >= rows
    chosen = slice(0, 1) if idle else slice(rank, None, count)
    places = batch.targets.flatten().nonzero()[:, 0] if batch.places is None else batch.places
    row = places // width
    own = (row == 0 if idle else row % count == rank).nonzero()[:, 0]
    # Rows before it that are another's are gone.
    there = row[own] // count * width + places[own] % width
    times, later = (None if one is None else one[chosen] for one in (batch.times, batch.target_times))
    items, lengths, targets = batch.items[chosen], batch.lengths[chosen], batch.targets[chosen]
    some = Batch(items, lengths, targets, len(own), times, later, there)
    return Share(some, 0.0 if idle else len(own) / len(places), own, len(places))


@contextmanager
def apart(device: str) -> Iterator[None]:
    """Let each process drop other elements meanwhile; what is drawn later is the same in all of them again."""
    number = torch.initial_seed()
    if processes.count() > 1:
        seed(device, mixed(number, processes.rank(), 2))
    yield
    if processes.count() > 1:
        seed(device, number)


def lost(state: State, batch: Batch) -> Tensor:
    """Compute what this process adds to the mean loss of a batch."""
    own, dtype = share(batch), state.settings.dtype
    batch, low = own.batch, getattr(torch, dtype) if dtype != "float32" else None
    with torch.autocast(batch.items.device.type, low, enabled=low is not None):
        with apart(state.settings.device):
            hidden = state.model.encode(batch).flatten(0, 1)
        assert batch.targets is not None
        gold = batch.targets.flatten()
        places = gold.nonzero()[:, 0] if batch.places is None else batch.places
        hidden, gold = (one.index_select(0, places) for one in (hidden, gold))
        draw = replace(own.draw(state.draw), some=gold > 0 if batch.filled else None)
        return own.weighted(state.loss(hidden, state.model.table(), gold, draw))


def added(model: nn.Module, loss: Tensor) -> Tensor:
    """Add up, in place, the gradients of all processes, and the parts of a mean loss, which is given back."""
    if processes.count() == 1:
        return loss.detach()
    found = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    whole = processes.summed(torch.cat([*(one.flatten() for one in found), loss.detach().flatten()]))
    *parts, mean = whole.split([*(one.numel() for one in found), 1])
    torch._foreach_copy_(found, [part.view_as(one) for part, one in zip(parts, found, strict=True)])
    return mean[0]
