"""CORE: a causal Transformer that only weighs items, so that a history is a mean of what is scored."""

import math
from typing import Annotated

from torch import Tensor, nn
from torch.nn.functional import normalize

from linrec_cli.attentions._fold import recurrence
from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied
from linrec_cli.models.bert4rec import Block

FORM = "causal"
OBJECTIVE = "next"


class Model(Tied):
    """Encode a history as the mean of its item embeddings, weighted by a softmax of what an encoder says of each.

    The encoder has learned positions and post-LayerNorm blocks. Items are scored by cosines, over `temperature`;
    while training, a share `item_dropout` of item embeddings is dropped where they are read and where they are scored.

    Deviations from the source: every position is trained, as the mean over what came before it (the encoder being
    causal, that is the source's sample a prefix), unless the objective is `last`; dropout on outputs and not on
    attention weights (fused kernels have none to drop); padding is no item to be scored; LayerNorm adds 1e-5 to the
    variance, not 1e-12. Embeddings begin as in the
    authors' own repository, where RecBole's draws every weight, those of its norms too, like them.

    Source: Hou et al. 2022 (CORE, SIGIR), arXiv:2204.11067: CORE-trm.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float,
        temperature: Annotated[float, Range(1e-3, 1e3)] = 0.07, item_dropout: Annotated[float, Range(0.0, 0.99)] = 0.2,
    ) -> None:  # fmt: skip
        super().__init__()
        self.items, self.positions = nn.Embedding(facts.items + 1, width, padding_idx=0), nn.Embedding(maxlen, width)
        self.temperature, self.dropout, self.item_dropout = temperature, Dropout(dropout), Dropout(item_dropout)
        self.norm, self.weight = nn.LayerNorm(width), nn.Linear(width, 1)
        self.blocks = nn.ModuleList(
            Block(attention, width, heads, causal=True, maxlen=maxlen, dropout=dropout) for _ in range(layers)
        )
        self.apply(initialise)
        bound = 1 / math.sqrt(width)
        nn.init.uniform_(self.items.weight[1:], -bound, bound)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`, each as long as 1 over the temperature."""
        items = self.item_dropout(self.items(batch.items))
        x = self.dropout(self.norm(items + self.positions.weight[: items.shape[1]]))
        for block in self.blocks:
            x = block(x, batch.lengths)
        return normalize(summed(items, self.weight(x)[:, :, 0]), dim=2) / self.temperature

    def table(self) -> Tensor:
        """Give the item embeddings, each of length 1, `[I + 1, C]`; while training some of each is dropped."""
        return normalize(self.item_dropout(self.items.weight), dim=1)


def summed(x: Tensor, weight: Tensor) -> Tensor:
    """Sum `x [B, T, C]` up to each position by the exponentials of `weight [B, T]`, over the largest of them so far.

    Cost: `O(T C)`, of any weights without overflow: what is summed shrinks when a larger weight comes.
    """
    weight = weight.to(x.dtype)
    # A factor of a whole sum, which a direction does not depend on.
    top = weight.detach().cummax(1).values
    own = (weight - top).exp()[..., None] * x
    return recurrence(own[:, None], (top[:, :-1] - top[:, 1:]).exp()[:, None, :, None])[:, 0]
