"""SASRec: a causal Transformer that predicts the next item at every position."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from linrec_cli.attentions._build import build
from linrec_cli.models._dropout import Dropout

OBJECTIVE = "next-item"
CAUSAL = True


class Model(nn.Module):
    """Encode histories with learned positions and pre-LayerNorm blocks; score by the item embeddings.

    Deviations from the source: the residual path is not normed (pre-LayerNorm), GELU in the feed-forward, full
    cross-entropy in place of one sampled negative, dropout on outputs and not on attention weights (fused kernels
    have none to drop).

    Source: Kang & McAuley 2018 (SASRec, ICDM), arXiv:1808.09781.
    """

    def __init__(
        self, items: int, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(attention, width, heads, maxlen=maxlen, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.apply(initialise)

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Encode `items [B, T]`, padded on the right with 0, to `[B, T, C]`."""
        x = self.items(items) * math.sqrt(self.items.embedding_dim) + self.positions.weight[: items.shape[1]]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, lengths)
        return self.norm(x)


class Block(nn.Module):
    """One layer: attention, then a feed-forward, each on a normed input and added back."""

    def __init__(self, attention: str, width: int, heads: int, *, maxlen: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = build(attention, width, heads, causal=CAUSAL, maxlen=maxlen)
        self.inward, self.outward = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        x = x + self.dropout(self.attention(self.norms[0](x), lengths))
        return x + self.dropout(self.outward(gelu(self.inward(self.norms[1](x)))))


def initialise(module: nn.Module) -> None:
    """Draw weights from a normal of standard deviation 0.02, as BERT does; biases and padding are zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx] = 0
