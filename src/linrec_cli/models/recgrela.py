"""RecGRELA: gated linear attention that looks both ways, with rotated queries and keys and a short convolution."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, gelu, silu

from linrec_cli.attentions._convolution import Convolution
from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "bidirectional"
OBJECTIVE = "last"
ATTN = False
EPS = 1e-6
"""In the denominator, as in the authors' code."""
BASE = 10_000
WIDER = 4
"""How many times as wide as the block its feed-forward is inside."""


class Model(Tied):
    """Encode histories by blocks that see all of them at every position; score by the item embeddings.

    Deviations from the source: padding takes no part (there its keys count, and means are over all positions);
    the convolution has no bias; a single block, too, is added to its input (there it replaces it); LayerNorm adds
    1e-5 to the variance, not 1e-12. The convolution is followed by SiLU, as the authors' CUDA path has it and their
    fallback has not.

    Raises:
        UsageError: the width is odd.

    Source: Hu et al. 2025 (RecGRELA), arXiv:2506.13315, and the authors' code.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float,
        drop_path: Annotated[float, Range(0.0, 0.99)] = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if width % 2:
            raise UsageError(f"recgrela turns channels in pairs, and --width {width} is odd; give an even one.")
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(width, heads, maxlen=maxlen, dropout=dropout, drop_path=drop_path) for _ in range(layers)
        )
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`, from all of its history, later items too."""
        x = self.norm(self.dropout(self.items(batch.items)))
        for block in self.blocks:
            x = block(x, batch.lengths)
        return x


class Block(nn.Module):
    """One layer: gated attention, then a feed-forward, each on a normed input and added back.

    While training, the attention of some rows, a share of `drop_path`, is left out, and the rest is scaled up.
    """

    def __init__(self, width: int, heads: int, *, maxlen: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.gate, self.before, self.after = (nn.Linear(width, width) for _ in range(3))
        self.attention = Attention(width, heads, maxlen)
        self.inward, self.outward = nn.Linear(width, WIDER * width), nn.Linear(WIDER * width, width)
        self.dropout, self.drop_path = Dropout(dropout), drop_path

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        normed = self.norms[0](x)
        mixed = self.after(self.attention(self.before(normed), lengths) * silu(self.gate(normed)))
        x = x + self.kept(mixed)
        fed = self.dropout(gelu(self.inward(self.norms[1](x))))
        return x + self.dropout(self.outward(fed))

    def kept(self, x: Tensor) -> Tensor:
        """Leave rows of `x [B, T, C]` out at random."""
        if not self.training or not self.drop_path:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
        return x * kept / (1 - self.drop_path)


class Attention(nn.Module):
    """Mix values `x` by `r(phi(q_t)) sum_s r(phi(k_s))^T x_s / (phi(q_t) . sum_s phi(k_s))`, and add a convolution.

    `phi` is `elu + 1`; `r` turns each pair of channels by its position times a frequency of the pair's own, in the
    numerator alone. Channels are turned before they are cut into heads, so each head has frequencies of its own.
    """

    def __init__(self, width: int, heads: int, maxlen: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(width, 2 * width)
        self.convolution = Convolution(width)
        angle = torch.arange(maxlen)[:, None] * BASE ** -(torch.arange(0, width, 2) / width)
        self.register_buffer("turns", torch.stack([angle.cos(), angle.sin()]), persistent=False)
        self.turns: Tensor

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]`, of which row `b` has `lengths[b]` real positions, to `[B, T, C]`."""
        real = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
        q, k = (elu(part) + 1 for part in self.inward(x).chunk(2, 2))
        k = k * real
        count = lengths[:, None, None, None]
        values, queries, keys, rotated, turned = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (x, q, k, self.turn(q), self.turn(k))
        )
        # Not as a product of matrices, whose gradient would be an outer one: torch wants a C compiler for it on CUDA.
        total = (queries * (keys.sum(2, keepdim=True) / count)).sum(3, keepdim=True)
        mixed = rotated @ (turned.mT @ values / count) / (total + EPS)
        return mixed.transpose(1, 2).flatten(2) + self.convolution(x)

    def turn(self, x: Tensor) -> Tensor:
        """Turn the pairs of channels of `x [B, T, C]`."""
        cos, sin = self.turns[:, : x.shape[1]]
        even, odd = x[..., ::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], 3).flatten(2)
