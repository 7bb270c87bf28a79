"""FDSA: two causal Transformers side by side, one over items and one over their features."""

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
    """Encode items, and the fields of items weighed against each other, apart; project both to the width together.

    A field is the mean of the embeddings of its values. Each item weighs its fields by a softmax over a score that a
    layer of ReLU gives each. Both encoders have the positions, and one LayerNorm serves both inputs and the output.

    Deviations from the source: a prediction at every position, not at the last alone; dropout on outputs and not on
    attention weights (fused kernels have none to drop); LayerNorm adds 1e-5 to the variance, not 1e-12.

    Raises:
        DataError: the data have no features.

    Source: RecBole's FDSA, after Zhang et al. 2019 (FDSA, IJCAI).
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.fields = fields(facts, width, mean=True)
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width)
        self.weigh = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.of_items, self.of_features = (
            nn.ModuleList(
                Block(attention, width, heads, causal=True, maxlen=maxlen, dropout=dropout) for _ in range(layers)
            )
            for _ in range(2)
        )
        self.joined = nn.Linear(2 * width, width)
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        position = self.positions.weight[: batch.items.shape[1]]
        ends = []
        for x, blocks in ((self.items(batch.items), self.of_items), (self.features(batch.items), self.of_features)):
            x = self.dropout(self.norm(x + position))
            for block in blocks:
                x = block(x, batch.lengths)
            ends.append(x)
        return self.dropout(self.norm(self.joined(torch.cat(ends, 2))))

    def features(self, items: Tensor) -> Tensor:
        """Sum the fields of `items [B, T]`, each by the weight that it is given, `[B, T, C]`."""
        fields = torch.stack([field(items) for field in self.fields], 2)
        return (self.weigh(fields).softmax(2) * fields).sum(2)
