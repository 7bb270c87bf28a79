"""The next item, at every position at once: each event of a training part but the first is a target once an epoch."""

import torch
from torch import Tensor

from linrec_cli.data.batch import Batch, Window, sent
from linrec_cli.data.shapes import spans
from linrec_cli.objectives._windows import disjoint

FORMS = ("causal",)
MASKED = False


def windows(begin: Tensor, events: Tensor, maxlen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut disjoint windows at a random offset; the last event of a part is no input."""
    return disjoint(begin, events - 1, maxlen, generator)


def targets(window: Window, generator: torch.Generator) -> Batch:
    """Predict at each position what follows it."""
    (rows, width), device = window.items.shape, window.items.device
    _, places = spans(width * torch.arange(rows), window.lengths)
    lengths, told = sent(window.lengths, device), sent(places, device)
    return Batch(window.items, lengths, window.after, len(places), window.times, window.target_times, told)
