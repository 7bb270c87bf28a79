"""Novelty: how few users know a list's items, in bits.

Source: Zhou et al. 2010, arXiv:0808.2670 (self-information of a list's items).
"""

import math

from torch import Tensor

from linrec_cli.metrics._trained import Trained, mean

TITLE = "Novelty"
RANGE = (0.0, math.inf)
UNIT = "bit"
ASKED = True


def over(lists: Tensor, trained: Trained) -> Tensor:
    """Average `-log2 p` over a list, `[N]`; p is the share of the users trained on who have the item there.

    Deviations from the source: an item that nobody has there counts as known to one user, not as infinitely novel.
    """
    return mean(lists, -(trained.users.clamp(min=1).double() / trained.people).log2())
