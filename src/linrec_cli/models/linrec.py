"""LinRec's backbone: RecBole's SASRec, whose mechanism sees all of a prefix."""

from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied
from linrec_cli.models.bert4rec import Block

FORM = "bidirectional"
OBJECTIVE = "last"
WIDER = 2
"""How many times as wide as the block its feed-forward is inside: 256 beside 128."""


class Model(Tied):
    """Encode a prefix with post-LayerNorm blocks; score by the item embeddings what stands at its last position.

    RecBole masks SASRec's softmax causally; the layer released with LinRec reads no mask, so every position sees the
    whole prefix, which leaks nothing where a sample is a prefix and its last position alone is trained.

    Deviations from the source: dropout on outputs and not on attention weights (a linear mechanism has none);
    LayerNorm adds 1e-5 to the variance, not 1e-12; padding is embedded as zero and is no item (there it is drawn as
    items are, and trained as one that is never next).

    Source: Liu et al. 2023 (LinRec, SIGIR), arXiv:2411.01537, released code, in RecBole 1.x, arXiv:2011.01731.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(attention, width, heads, causal=False, maxlen=maxlen, dropout=dropout, wider=WIDER)
            for _ in range(layers)
        )
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        x = self.items(batch.items) + self.positions.weight[: batch.items.shape[1]]
        x = self.dropout(self.norm(x))
        for block in self.blocks:
            x = block(x, batch.lengths)
        return x
