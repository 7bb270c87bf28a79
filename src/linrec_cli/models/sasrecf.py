"""SASRecF: a causal Transformer over items joined with their features."""

import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._fields import fields
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied
from linrec_cli.models.bert4rec import Block

FORM = "causal"
OBJECTIVE = "next"
READS = {"features": ""}


class Model(Tied):
    """Project each item beside its fields to the width, encode with post-LayerNorm blocks; score by the items alone.

    A field is the sum of the embeddings of its values.

    Deviations from the source: a prediction at every position, not at the last alone; dropout on outputs and not on
    attention weights (fused kernels have none to drop); LayerNorm adds 1e-5 to the variance, not 1e-12.

    Raises:
        DataError: the data have no features.

    Source: RecBole's SASRecF, after Kang & McAuley 2018 (SASRec, ICDM), arXiv:1808.09781.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.fields = fields(facts, width, mean=False)
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width)
        self.joined = nn.Linear((1 + len(self.fields)) * width, width)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(attention, width, heads, causal=True, maxlen=maxlen, dropout=dropout) for _ in range(layers)
        )
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        beside = [self.items(batch.items), *(field(batch.items) for field in self.fields)]
        x = self.joined(torch.cat(beside, 2)) + self.positions.weight[: batch.items.shape[1]]
        x = self.dropout(self.norm(x))
        for block in self.blocks:
            x = block(x, batch.lengths)
        return x
