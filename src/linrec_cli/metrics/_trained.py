"""What a metric of lists is told of the training part, and how it looks items up in it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models import _counts


@dataclass(frozen=True)
class Trained:
    """Counts over the training part.

    Attributes:
        events: `[I]` how often each item `1..I` stands there.
        users: `[I]` how many users have it there.
        people: how many users have a training part at all.
    """

    events: Tensor
    users: Tensor
    people: int


def count(sequences: Sequences, parts: Parts) -> Trained:
    """Count items in the training part of all histories."""
    user, place = _counts.trained(sequences, parts)
    pairs = torch.unique(user * sequences.count + sequences.flat[place] - 1)
    users = torch.bincount(pairs % sequences.count, minlength=sequences.count)
    return Trained(_counts.popularity(sequences, parts), users, len(user.unique()))


def mean(lists: Tensor, values: Tensor) -> Tensor:
    """Average `values [I]` over the items of each list, `[N]`; NaN where a list has none."""
    there = lists > 0
    found = values.double()[(lists - 1).clamp(min=0)].masked_fill(~there, 0.0)
    return found.sum(1) / there.sum(1)


def recommended(lists: Tensor, items: int) -> Tensor:
    """Count how often each item `1..items` stands in a list, `[I]`."""
    return torch.bincount(lists.flatten(), minlength=items + 1)[1:]
