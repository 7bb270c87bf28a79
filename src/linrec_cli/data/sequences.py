"""Histories as one flat array of items and one of offsets, on any device."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import polars as pl

HELD_OUT = {"valid": 2, "test": 1}
"""Leave-one-out: how far from the end of a history the event stands that a stage predicts."""


@dataclass(frozen=True)
class Sequences:
    """Histories of users, in time order.

    Attributes:
        flat: `[E]` items `1..count`, user after user.
        offsets: `[U + 1]` where each user's history starts, and where the last one ends.
        count: number of items.
        users: `[U]` ids of the users, as prepared.
    """

    flat: Tensor
    offsets: Tensor
    count: int
    users: Tensor

    @property
    def lengths(self) -> Tensor:
        """Count the events of each user, `[U]`."""
        return self.offsets.diff()

    def to(self, device: str) -> "Sequences":
        """Move the arrays to a device."""
        return Sequences(self.flat.to(device), self.offsets.to(device), self.count, self.users.to(device))

    def ends(self, stage: str) -> Tensor:
        """Point at the event of each user that `stage` (`train`, `valid`, `test`) predicts last, `[U]`.

        `train` ends before the validation event; the test input includes the validation event.
        """
        return self.offsets[1:] - (3 if stage == "train" else HELD_OUT[stage])


def leave_one_out(events: "pl.DataFrame", items: int) -> Sequences:
    """Lay out prepared events (`user`, `item`, sorted); users with fewer than three events cannot be split.

    Args:
        events: one row an event, users contiguous, each in time order.
        items: number of items.
    """
    user = torch.from_numpy(events["user"].to_numpy().astype("int64"))
    flat = torch.from_numpy(events["item"].to_numpy().astype("int64"))
    users, lengths = torch.unique_consecutive(user, return_counts=True)
    kept = lengths >= 3
    flat = flat[kept.repeat_interleave(lengths)]
    offsets = torch.cat([lengths.new_zeros(1), lengths[kept].cumsum(0)])
    return Sequences(flat, offsets, items, users[kept])


def window(flat: Tensor, start: Tensor, lengths: Tensor, width: int) -> Tensor:
    """Cut `flat[start : start + length]` for each row, padded on the right with 0 to `[B, width]`."""
    position = torch.arange(width, device=flat.device)
    index = (start[:, None] + position).clamp(max=len(flat) - 1)
    return flat[index].masked_fill(position >= lengths[:, None], 0)


def histories(sequences: Sequences, stage: str, maxlen: int) -> tuple[Tensor, Tensor, Tensor]:
    """Point at the last `maxlen` events before the one that `stage` predicts.

    Returns:
        start `[U]`, length `[U]` and gold item `[U]` of each user.
    """
    end = sequences.ends(stage)
    length = (end - sequences.offsets[:-1]).clamp(max=maxlen)
    return end - length, length, sequences.flat[end]
