"""Golds that their user had before, and what that means for the items of a history: take them out, or rank them.

With the history removed and the gold kept, a repeated gold would be the only item of the history that is left, and any
model that prefers what was seen before would put it first.
"""

import torch
from torch import Tensor

from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.settings import AUTO, LEAST_REPEATED


def repeated(sequences: Sequences, targets: Targets) -> Tensor:
    """Tell of each target, `[N]`, whether its user had its item before.

    Cost: that of sorting the events of the users who have a target.
    """
    users, row = targets.user.unique(return_inverse=True)
    begin = sequences.offsets[users]
    end = begin.scatter_reduce(0, row, targets.place + 1, "amax")
    user, place = spans(begin, end - begin)
    # Of a user's events with the same item only the first, which a stable sort keeps in front, repeats nothing.
    order = (user * (sequences.count + 1) + sequences.flat[place]).argsort(stable=True)
    pairs = torch.stack([user, sequences.flat[place]])[:, order]
    again = torch.zeros_like(sequences.flat, dtype=torch.bool)
    again[place[order[1:]]] = (pairs[:, 1:] == pairs[:, :-1]).all(0)
    return again[targets.place]


def share(sequences: Sequences, parts: Parts) -> float:
    """Measure how many of all golds, validated and tested, repeat."""
    found = [repeated(sequences, parts.targets(stage)) for stage in ("valid", "test")]
    count = sum(map(len, found))
    return sum(int(one.sum()) for one in found) / count if count else 0.0


def rule(seen: str, sequences: Sequences, parts: Parts) -> str:
    """Decide what `auto` is: `remove` the items of the history, or `rank` them where golds repeat."""
    if seen != AUTO:
        return seen
    return "rank" if share(sequences, parts) >= LEAST_REPEATED else "remove"
