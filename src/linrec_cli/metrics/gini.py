"""Gini: how unequally often items are recommended, 0 where all are alike, near 1 where all lists have the same few.

Source: Fleder and Hosanagar 2009, Management Science 55.
"""

import torch
from torch import Tensor

from linrec_cli.metrics._trained import Trained, recommended

TITLE = "Gini"
RANGE = (0.0, 1.0)
ASKED = True


def over(lists: Tensor, trained: Trained) -> Tensor:
    """Compute `sum((2 i - I - 1) n_i) / (I sum(n_i))` over all I items, `n_i` ascending, those in no list too."""
    counts = recommended(lists, len(trained.events)).double().sort().values
    items = len(counts)
    place = torch.arange(1, items + 1, device=counts.device)
    return ((2 * place - items - 1) * counts).sum() / (items * counts.sum())
