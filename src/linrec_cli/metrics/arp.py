"""Average recommendation popularity: how often a list's items stand in the training part.

Source: Yin et al. 2012, arXiv:1205.6700.
"""

import math

from torch import Tensor

from linrec_cli.metrics._trained import Trained, mean

TITLE = "ARP"
RANGE = (0.0, math.inf)
UNIT = "events"
ASKED = True


def over(lists: Tensor, trained: Trained) -> Tensor:
    """Average the events that each item of a list has in the training part, `[N]`."""
    return mean(lists, trained.events)
