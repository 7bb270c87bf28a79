"""Batches of an epoch: the windows of an objective, of similar length, under a token budget."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.data.batch import Batch, Window, sent
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences, window
from linrec_cli.data.shapes import cut, rounded
from linrec_cli.training.seeds import mixed


@dataclass(frozen=True)
class Plan:
    """The batches of one epoch, as places in the flat array.

    Attributes:
        start: `[W]` where each window starts, on the CPU.
        length: `[W]` its number of inputs, on the CPU.
        rows: the windows of each batch.
        maxlen: positions that a batch is wide at most.
        objective: the spec of what makes batches of them.
        seed: of the epoch.
    """

    start: Tensor
    length: Tensor
    rows: list[Tensor]
    maxlen: int
    objective: str
    seed: int

    def __len__(self) -> int:
        """Count the batches."""
        return len(self.rows)

    def batches(self, sequences: Sequences, first: int = 0) -> Iterator[Batch]:
        """Cut the batches from number `first` on; each is the same whichever is the first."""
        targets = catalog.bound("objectives", self.objective, "targets")
        for number, rows in enumerate(self.rows[first:], first):
            generator = torch.Generator().manual_seed(mixed(self.seed, number, 1))
            yield targets(self.window(sequences, rows), generator)

    def window(self, sequences: Sequences, rows: Tensor) -> Window:
        """Cut some windows out."""
        # Chosen and read on the CPU, so that a GPU is not waited for.
        device, length = sequences.flat.device, self.length[rows]
        shape = min(rounded(int(length.max())), self.maxlen)
        start, there = sent(self.start[rows], device), sent(length, device)
        items, after = (window(sequences.flat, start + shift, there, shape) for shift in (0, 1))
        times = sequences.times
        own, next_ = (None if times is None else window(times, start + shift, there, shape) for shift in (0, 1))
        return Window(items, after, length, sequences.count + 1, own, next_)


def plan(sequences: Sequences, parts: Parts, objective: str, maxlen: int, tokens: int, seed: int, epoch: int) -> Plan:
    """Lay out an epoch; the same seed and epoch always give the same one.

    Args:
        objective: its spec.
        maxlen: positions in a window at most.
        tokens: positions in a batch at most, padding included.
    """
    own = mixed(seed, epoch)
    generator = torch.Generator().manual_seed(own)
    begin = sequences.offsets[:-1].cpu()
    windows = catalog.load("objectives", catalog.parse(objective)[0]).windows
    start, length = windows(begin, parts.train.cpu() - begin, maxlen, generator)
    order = (length + torch.rand(len(length), generator=generator, dtype=torch.float64)).argsort(descending=True)
    rows = cut(order, length, tokens)
    shuffled = torch.randperm(len(rows), generator=generator).tolist()
    return Plan(start, length, [rows[i] for i in shuffled], maxlen, objective, own)
