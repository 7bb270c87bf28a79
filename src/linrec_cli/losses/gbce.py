"""Generalised binary cross-entropy: calibrated for how few negatives are drawn.

Source: Petrov & Macdonald 2023 (gSASRec, RecSys), arXiv:2308.07192.
"""

from typing import Annotated

from torch import Tensor
from torch.nn.functional import embedding, softplus

from linrec_cli.catalog import Range
from linrec_cli.losses._draw import Draw
from linrec_cli.losses._mean import mean


def loss(
    hidden: Tensor,
    table: Tensor,
    gold: Tensor,
    draw: Draw,
    negatives: Annotated[int, Range(1, 65_536)] = 256,
    t: Annotated[float, Range(0.0, 1.0)] = 0.75,
) -> Tensor:
    """Compute the mean of `(-beta log sigma(s_gold) - sum over negatives of log(1 - sigma(s))) / (1 + negatives)`.

    `beta = a (t (1 - 1/a) + 1/a)`, where `a` is the share of the other items that is drawn: 1 at `t = 0`, which is
    binary cross-entropy, and `a` at `t = 1`.

    Deviations from the source: negatives are shared by the batch; the power is taken of the logarithm, where the
    released code transforms the score in float64.

    Cost: `O(N negatives C)` operations; `N negatives` scores are held.
    """
    share = negatives / max(1, len(table) - 2)
    beta = share * (t * (1 - 1 / share) + 1 / share)
    of_gold = (hidden * embedding(gold, table).to(hidden.dtype)).sum(1).float()
    scores = (hidden @ embedding(draw.uniform(negatives), table).to(hidden.dtype).T).float()
    return mean((beta * softplus(-of_gold) + softplus(scores).sum(1)) / (1 + negatives), draw.some)
