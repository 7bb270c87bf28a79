"""Popularity bias: ARP over what it is of the events that were trained on; above 1, lists are the more popular."""

import math

from torch import Tensor

from linrec_cli.metrics import arp
from linrec_cli.metrics._trained import Trained

TITLE = "PopularityBias"
RANGE = (0.0, math.inf)
ASKED = True


def over(lists: Tensor, trained: Trained) -> Tensor:
    """Divide ARP by the mean popularity of a training event, `sum(n_i^2) / sum(n_i)`, `[N]`.

    On one data set and split this is always ARP in another unit; it is there to be read across data sets.
    """
    events = trained.events.double()
    return arp.over(lists, trained) / ((events**2).sum() / events.sum())
