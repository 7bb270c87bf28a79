"""Batches of an epoch: every next-item target once, windows of similar length, under a token budget."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from linrec_cli.data.sequences import Sequences, window
from linrec_cli.data.shapes import cut, rounded


@dataclass(frozen=True)
class Batch:
    """Windows of similar length: `items [B, T]` and `targets [B, T]`, padded on the right with 0, `lengths [B]`.

    `count` is the number of targets.
    """

    items: Tensor
    targets: Tensor
    lengths: Tensor
    count: int


@dataclass(frozen=True)
class Plan:
    """The batches of one epoch, as places in the flat array: `start [W]`, `length [W]`, and rows of each batch."""

    start: Tensor
    length: Tensor
    rows: list[Tensor]

    def __len__(self) -> int:
        """Count the batches."""
        return len(self.rows)

    def batches(self, flat: Tensor, first: int = 0) -> Iterator[Batch]:
        """Cut the batches from number `first` on."""
        for rows in self.rows[first:]:
            # Lengths are read on the CPU, so that a GPU is not made to wait.
            start, length = self.start[rows], self.length[rows]
            shape, count = rounded(int(length.max())), int(length.sum())
            length = length.to(flat.device)
            items, targets = (window(flat, start + shift, length, shape) for shift in (0, 1))
            yield Batch(items, targets, length, count)


def plan(sequences: Sequences, maxlen: int, tokens: int, seed: int, epoch: int) -> Plan:
    """Lay out an epoch; the same seed and epoch always give the same one.

    Args:
        maxlen: positions in a window at most.
        tokens: positions in a batch at most, padding included.
    """
    generator = torch.Generator().manual_seed(mixed(seed, epoch))
    start, length = windows(sequences, maxlen, generator)
    order = (length + torch.rand(len(length), generator=generator, dtype=torch.float64)).argsort(descending=True)
    rows = cut(order, length, tokens)
    shuffled = torch.randperm(len(rows), generator=generator).tolist()
    device = sequences.flat.device
    return Plan(start.to(device), length, [rows[i] for i in shuffled])


def windows(sequences: Sequences, maxlen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut the training part of each history into disjoint windows of at most `maxlen` inputs.

    A history that fits is one window. A longer one is cut at a random offset, so that its first window has between
    1 and `maxlen` inputs, the last one what is left.

    Returns:
        where each window starts in the flat array, and its number of inputs, both `[W]`, on the CPU.
    """
    begin = sequences.offsets[:-1].cpu()
    inputs = sequences.ends("train").cpu() - begin
    begin, inputs = begin[inputs > 0], inputs[inputs > 0]
    head = torch.randint(1, maxlen + 1, inputs.shape, generator=generator)
    head = torch.where(inputs <= maxlen, inputs, head)
    count = 1 + (inputs - head + maxlen - 1) // maxlen
    user = torch.arange(len(inputs)).repeat_interleave(count)
    number = torch.arange(len(user)) - (count.cumsum(0) - count)[user]
    low = torch.where(number == 0, 0, head[user] + (number - 1) * maxlen)
    high = torch.minimum(head[user] + number * maxlen, inputs[user])
    return begin[user] + low, high - low


def mixed(seed: int, *parts: int) -> int:
    """Mix a seed with counters into one seed of 63 bits (SplitMix64's finaliser)."""
    state = seed
    for part in parts:
        state = (state + 0x9E3779B97F4A7C15 * (part + 1)) % 2**64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
        state ^= state >> 31
    return state >> 1
