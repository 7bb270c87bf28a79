"""Draw negatives for each target, without replacement."""

import torch
from torch import Tensor

from linrec_cli.data.parts import Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.errors import DataError

DRAWS = 2**24
"""Random numbers held at once."""


def drawn(sequences: Sequences, targets: Targets, weights: Tensor, number: int, seed: int, seen: bool) -> Tensor:
    """Draw so many items for each target by their `weights [I]`, never the gold.

    Nothing is drawn from the history either, unless `seen` items may be.

    Each item gets an exponential time with its weight as rate, and the first to arrive are taken: that is drawing
    one after the other without replacement, for all targets at once, in chunks.

    Returns:
        `[N, number]` items, on the CPU.

    Raises:
        DataError: a target has fewer items left to draw from.
    """
    flat, offsets, items = sequences.flat.cpu(), sequences.offsets.cpu(), sequences.count
    end, begin = targets.place.cpu(), offsets[targets.user.cpu()]
    generator = torch.Generator().manual_seed(seed)
    found = []
    for part in torch.arange(len(end)).split(max(1, DRAWS // items)):
        times = torch.empty(len(part), items).exponential_(generator=generator) / weights
        # One more than the history: the gold is no negative either.
        first = end[part] if seen else begin[part]
        row, place = spans(first, end[part] + 1 - first)
        times[row, flat[place] - 1] = torch.inf
        chosen = times.topk(min(number, items), largest=False)
        if items < number or chosen.values.isinf().any():
            raise DataError(
                f"a user has fewer than {number} items left as negatives; use --protocol full on this data set."
            )
        found.append(chosen.indices + 1)
    return torch.cat(found)
