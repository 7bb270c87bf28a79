"""LightSANs: a bidirectional Transformer that attends to a few interests, and to positions apart from items."""

import math
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from linrec_cli.attentions._fused import attention
from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied
from linrec_cli.models.bert4rec import Block

FORM = "bidirectional"
OBJECTIVE = "last"
ATTN = False


class Layer(nn.Module):
    """One layer: values mixed through interests and by positions, then a feed-forward, each added and normed."""

    def __init__(self, width: int, heads: int, *, maxlen: int, dropout: float, interests: int) -> None:
        super().__init__()
        mechanism = f"low-rank:interests={interests}"
        self.block = Block(mechanism, width, heads, causal=False, maxlen=maxlen, dropout=dropout)
        self.heads, self.norm, self.placed = heads, nn.LayerNorm(width), nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`; `positions [T, C]` are embedded."""
        attention: Any = self.block.attention
        q, k, v = attention.split(x)
        mixed = attention.attend(q, k, v, lengths) + self.by_position(v, lengths, positions)
        return self.block.added(x, attention.join(mixed, x))

    def by_position(self, v: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Mix values `[B, H, T, D]` by where they stand alone, real positions alone."""
        pq, pk = self.placed(self.norm(positions)).unflatten(1, (2, self.heads, -1)).permute(1, 2, 0, 3)
        real = (torch.arange(v.shape[2], device=v.device) < lengths[:, None])[:, None, None]
        size = v.shape[3]
        scale = 1 / math.sqrt(2 * size) / math.sqrt(size)
        pq, pk = (x.to(v.dtype).expand_as(v) for x in (pq, pk))
        return attention(pq, pk, v, real, scale=scale)


class Model(Tied):
    """Encode histories with attention to `interests` that the history is aggregated to, and to positions apart.

    Deviations from the source: both softmaxes of attention run over what is attended to, as its formulas have it (its
    released code's run over the queries); padding takes no part in them, nor in the interests (in the released code it
    is aggregated and attended to like an item); 20 interests unless asked for, its number for ml-1m; dropout on outputs
    and not on attention weights. Scores of positions are divided by `sqrt(2 D)` and by `sqrt(D)`, as in that code.

    Cost: `O(T^2 C)` operations for positions, `O(T interests C)` for items.

    Source: Fan et al. 2021 (LightSANs, SIGIR), doi:10.1145/3404835.3462978.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float,
        interests: Annotated[int, Range(1, 4096)] = 20,
    ) -> None:  # fmt: skip
        super().__init__()
        self.items, self.positions = nn.Embedding(facts.items + 1, width, padding_idx=0), nn.Embedding(maxlen, width)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.layers = nn.ModuleList(
            Layer(width, heads, maxlen=maxlen, dropout=dropout, interests=interests) for _ in range(layers)
        )
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        x = self.dropout(self.norm(self.items(batch.items)))
        for layer in self.layers:
            x = layer(x, batch.lengths, self.positions.weight[: x.shape[1]])
        return x
