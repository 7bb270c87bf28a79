"""Choose, among the events of a part, those that are predicted."""

import torch
from torch import Tensor

from linrec_cli.data.parts import Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.errors import DataError, UsageError

CHOICES = ("last", "all")


def held_out(sequences: Sequences, low: Tensor, high: Tensor, which: str) -> Targets:
    """Take the events between `low [U]` and `high [U]` of each user, `all` or the `last`, that have a history.

    Raises:
        UsageError: `which` is neither.
        DataError: no event is left.
    """
    if which not in CHOICES:
        raise UsageError(f"targets={which} is no choice; give {' or '.join(CHOICES)}.")
    # What comes first in a history has nothing to be predicted from.
    low = torch.maximum(low, sequences.offsets[:-1] + 1)
    count = (high - low).clamp(min=0)
    if which == "last":
        low, count = torch.where(count > 0, high - 1, low), count.clamp(max=1)
    user, place = spans(low, count)
    if not len(place):
        raise DataError("the split leaves nothing to predict; give it a larger held-out part, or another --split.")
    return Targets(place, user)
