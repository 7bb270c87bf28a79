"""BERT4Rec: a bidirectional Transformer that predicts hidden items from what stands on both sides of them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from linrec_cli.attentions._build import build
from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts, last
from linrec_cli.models._tied import Tied

FORM = "bidirectional"
OBJECTIVE = "cloze"
MASKED = True


class Model(Tied):
    """Encode histories with post-LayerNorm blocks; score by the item embeddings and a bias an item.

    A user is ranked by what the model puts in place of a mask after the last event; of a history that fills all
    positions the oldest event gives way to it.

    Deviations from the source: dropout on outputs and not on attention weights (fused kernels have none to drop);
    weights drawn from a normal that is not cut off; LayerNorm adds 1e-5 to the variance, not 1e-12.

    Source: Sun et al. 2019 (BERT4Rec, CIKM), arXiv:1904.06690.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        # After the items comes the mask.
        self.items = nn.Embedding(facts.items + 2, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width)
        self.bias = nn.Parameter(torch.zeros(facts.items + 1))
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(attention, width, heads, causal=False, maxlen=maxlen, dropout=dropout) for _ in range(layers)
        )
        self.head, self.head_norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C + 1]`: the last channel is 1, which meets the bias of an item."""
        x = self.items(batch.items) + self.positions.weight[: batch.items.shape[1]]
        x = self.dropout(self.norm(x))
        for block in self.blocks:
            x = block(x, batch.lengths)
        x = self.head_norm(gelu(self.head(x)))
        return torch.cat([x, x.new_ones(*x.shape[:2], 1)], 2)

    def table(self) -> Tensor:
        """Give the item embeddings and their bias, `[I + 1, C + 1]`."""
        return torch.cat([self.items.weight[:-1], self.bias[:, None]], 1)

    def query(self, batch: Batch) -> Tensor:
        """Take what stands in place of a mask after the last event, `[B, C + 1]`."""
        masked = appended(batch, self.items.num_embeddings - 1, self.positions.num_embeddings)
        return last(self.encode(masked), masked.lengths)


def appended(batch: Batch, mask: int, maxlen: int) -> Batch:
    """Put the mask after the last event of each history, and drop the oldest event where there is no room."""
    width = min(batch.items.shape[1] + 1, maxlen)
    kept = batch.lengths.clamp(max=maxlen - 1)
    position = torch.arange(width, device=kept.device)
    place = (batch.lengths - kept)[:, None] + position
    items = batch.items.gather(1, place.clamp(max=batch.items.shape[1] - 1)).masked_fill(position >= kept[:, None], 0)
    return Batch(items.scatter(1, kept[:, None], mask), kept + 1)


class Block(nn.Module):
    """One layer: attention, then a feed-forward `wider` times the width, each added to its input and normed."""

    def __init__(
        self, attention: str, width: int, heads: int, *, causal: bool, maxlen: int, dropout: float, wider: int = 4
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = build(attention, width, heads, causal=causal, maxlen=maxlen)
        self.inward, self.outward = nn.Linear(width, wider * width), nn.Linear(wider * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return self.added(x, self.attention(x, lengths))

    def added(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add what attention made of `x`, then the feed-forward; all `[B, T, C]`."""
        x = self.norms[0](x + self.dropout(mixed))
        return self.norms[1](x + self.dropout(self.outward(gelu(self.inward(x)))))
