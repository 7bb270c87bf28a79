"""Binary cross-entropy: the gold is one, some drawn items are none.

Source: Kang & McAuley 2018 (SASRec, ICDM), arXiv:1808.09781.
"""

from typing import Annotated

from torch import Tensor
from torch.nn.functional import embedding, softplus

from linrec_cli.catalog import Range
from linrec_cli.losses._draw import Draw
from linrec_cli.losses._mean import mean


def loss(
    hidden: Tensor, table: Tensor, gold: Tensor, draw: Draw, negatives: Annotated[int, Range(1, 1024)] = 1
) -> Tensor:
    """Compute the mean of `-log sigma(s_gold) - sum over negatives of log(1 - sigma(s))`.

    Deviation from the source: negatives are drawn uniformly from all items, for each prediction anew, and not from
    those the user never had.

    Cost: `O(N negatives C)` operations and memory.
    """
    drawn = draw.each(len(gold), negatives)
    of_gold = (hidden * embedding(gold, table).to(hidden.dtype)).sum(1).float()
    # Not as a product of matrices, whose gradient would be an outer one: torch wants a C compiler for it on CUDA.
    scores = (embedding(drawn, table).to(hidden.dtype) * hidden[:, None]).sum(2).float()
    return mean(softplus(-of_gold) + softplus(scores).sum(1), draw.some)
