"""Hidden items: some events of a window are replaced by the mask, and predicted from all the others.

Source: Sun et al. 2019 (BERT4Rec, CIKM), arXiv:1904.06690.
"""

from typing import Annotated

import torch
from torch import Tensor

from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch, Window, sent
from linrec_cli.objectives._windows import disjoint

FORMS = ("bidirectional",)
MASKED = True


def windows(begin: Tensor, events: Tensor, maxlen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut disjoint windows at a random offset, the last event of a part included; one event alone teaches nothing."""
    start, length = disjoint(begin, torch.where(events > 1, events, 0), maxlen, generator)
    return start[length > 1], length[length > 1]


def targets(
    window: Window,
    generator: torch.Generator,
    mask: Annotated[float, Range(1e-3, 0.999)] = 0.2,
    last: Annotated[float, Range(0.0, 1.0)] = 0.1,
) -> Batch:
    """Hide each event with probability `mask`, at least one a window; of a share `last` of windows only the last one.

    Deviations from the source: a hidden event is always the mask, as its released code has it; windows that hide the
    last event alone, as a history is served, are a share of all and not one more copy of each.
    """
    lengths, shape = window.lengths, window.items.shape
    position = torch.arange(shape[1])
    end = position == lengths[:, None] - 1
    hidden = (torch.rand(shape, generator=generator) < mask) & (position < lengths[:, None])
    alone = torch.rand(len(lengths), generator=generator) < last
    hidden = torch.where((alone | ~hidden.any(1))[:, None], end, hidden)
    places, device = hidden.flatten().nonzero()[:, 0], window.items.device
    hidden, lengths, told = (sent(one, device) for one in (hidden, lengths, places))
    items, targets = window.items.masked_fill(hidden, window.mask), window.items.masked_fill(~hidden, 0)
    return Batch(items, lengths, targets, len(places), window.times, places=told)
