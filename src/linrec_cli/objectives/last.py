"""The last item alone, a sample for every prefix of a training part: RecBole's regime.

A part of n events costs n - 1 windows where `next` needs n / maxlen. It is here to reproduce what was trained so, and
to measure what it costs.
"""

import torch
from torch import Tensor

from linrec_cli.data.batch import Batch, Window, sent
from linrec_cli.data.shapes import spans

FORMS = ("causal", "bidirectional")
MASKED = False


def windows(begin: Tensor, events: Tensor, maxlen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut the last `maxlen` events before each event of a part but the first."""
    row, place = spans(begin + 1, (events - 1).clamp(min=0))
    length = (place - begin[row]).clamp(max=maxlen)
    return place - length, length


def targets(window: Window, generator: torch.Generator) -> Batch:
    """Predict what follows the last position, and nothing elsewhere."""
    (rows, width), device = window.items.shape, window.items.device
    lengths, places = sent(window.lengths, device), width * torch.arange(rows) + window.lengths - 1
    last = window.after.masked_fill(torch.arange(width, device=device) != lengths[:, None] - 1, 0)
    return Batch(window.items, lengths, last, rows, window.times, window.target_times, sent(places, device))
