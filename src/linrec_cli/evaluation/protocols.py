"""Whom the gold is ranked against: every item, or negatives drawn once for all models."""

import torch
from torch import Tensor

from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.errors import DataError

PROTOCOLS = {
    "full": "every item",
    "uni100": "100 negatives drawn uniformly",
    "pop100": "100 negatives drawn by popularity in the training part",
}
NEGATIVES = 100
DRAWS = 2**24
"""Random numbers held at once."""


def negatives(sequences: Sequences, stage: str, protocol: str, seed: int) -> Tensor:
    """Draw the negatives of every user, without replacement, neither the gold nor anything in the history.

    Each item gets an exponential time with its weight as rate, and the first to arrive are taken: that is drawing
    one after the other without replacement, for all users at once, in chunks.

    Returns:
        `[U, 100]` items, on the CPU.

    Raises:
        DataError: a user has fewer than 100 items left to draw from.
    """
    flat, offsets = sequences.flat.cpu(), sequences.offsets.cpu()
    weights = torch.ones(sequences.count) if protocol == "uni100" else popularity(flat, offsets, sequences.count)
    generator = torch.Generator().manual_seed(seed)
    end = offsets[1:] - {"valid": 2, "test": 1}[stage]
    drawn = []
    for users in torch.arange(len(end)).split(max(1, DRAWS // sequences.count)):
        times = torch.empty(len(users), sequences.count).exponential_(generator=generator) / weights
        # One more than the history: the gold is no negative either.
        row, place = spans(offsets[users], end[users] + 1 - offsets[users])
        times[row, flat[place] - 1] = torch.inf
        first = times.topk(min(NEGATIVES, sequences.count), largest=False)
        if sequences.count < NEGATIVES or first.values.isinf().any():
            raise DataError(
                f"a user has fewer than {NEGATIVES} items left as negatives; use --protocol full on this data set."
            )
        drawn.append(first.indices + 1)
    return torch.cat(drawn)


def popularity(flat: Tensor, offsets: Tensor, items: int) -> Tensor:
    """Count each item `1..I` in the training part of all histories, `[I]`."""
    begin = offsets[:-1]
    _, place = spans(begin, offsets[1:] - 2 - begin)
    return torch.bincount(flat[place] - 1, minlength=items).float()
