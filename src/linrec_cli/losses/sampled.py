"""Sampled softmax: the gold against negatives that all predictions of a batch share.

Source: Jean et al. 2015, arXiv:1412.2007 (logQ); Klenitskiy & Vasilev 2023, arXiv:2309.07602 (shared negatives).
"""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import embedding

from linrec_cli.catalog import Range
from linrec_cli.losses._draw import Draw
from linrec_cli.losses._mean import mean


def loss(
    hidden: Tensor,
    table: Tensor,
    gold: Tensor,
    draw: Draw,
    negatives: Annotated[int, Range(1, 65_536)] = 256,
    power: Annotated[float, Range(0.0, 10.0)] = 0.0,
    logq: bool = True,
) -> Tensor:
    """Compute the mean of `-log softmax` of the gold among itself and the negatives.

    Args:
        negatives: drawn for the whole batch.
        power: 0 draws uniformly, 1 by how often an item stands in the training part.
        logq: subtract from the score of a negative the logarithm of how many times it was to be drawn, so that the
            sum over negatives estimates that over all items, and what is learned are the scores of a full softmax.

    A negative that is the gold of a prediction is left out of it. Deviation from the sources: the gold, which always
    takes part, is not corrected.

    Cost: `O(N negatives C)` operations; `N negatives` scores are held.
    """
    drawn = draw.weighted(negatives, power)
    of_gold = (hidden * embedding(gold, table).to(hidden.dtype)).sum(1).float()
    scores = (hidden @ embedding(drawn, table).to(hidden.dtype).T).float()
    if logq:
        scores = scores - draw.weights(power)[drawn - 1].log().float() - math.log(negatives)
    scores = scores.masked_fill(drawn == gold[:, None], -torch.inf)
    return mean(torch.cat([of_gold[:, None], scores], 1).logsumexp(1) - of_gold, draw.some)
