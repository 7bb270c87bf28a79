"""eSASRec: SASRec with LiGR blocks, whose gates decide how much each sublayer adds."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import sigmoid, silu

from linrec_cli.attentions import _stream
from linrec_cli.attentions._build import build
from linrec_cli.models import sasrec
from linrec_cli.models._dropout import Dropout

FORM = "causal"
OBJECTIVE = "next"
WIDER = 4
"""How many times as wide as the block its feed-forward is inside."""


class Block(nn.Module):
    """One layer: attention, then SwiGLU, each on a normed input, gated by what came in, and added to it."""

    def __init__(self, attention: str, width: int, heads: int, *, maxlen: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.gates = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)])
        self.attention = build(attention, width, heads, causal=True, maxlen=maxlen)
        self.inward = nn.Linear(width, 2 * WIDER * width, bias=False)
        self.outward = nn.Linear(WIDER * width, width, bias=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return self.added(x, self.attention(self.norms[0](x), lengths))

    def step(self, x: Tensor, kept: Any) -> tuple[Tensor, Any]:
        """Take one event `x [B, C]` into what the mechanism keeps; return what `forward` gives there, `[B, C]`."""
        mixed, kept = _stream.step(self.attention, self.norms[0](x), kept)
        return self.added(x, mixed), kept

    def added(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add what the mechanism made of `x [..., C]`, then what the feed-forward makes of that, each gated."""
        x = x + sigmoid(self.gates[0](x)) * self.dropout(mixed)
        return x + sigmoid(self.gates[1](x)) * self.dropout(self.feed(self.norms[1](x)))

    def feed(self, x: Tensor) -> Tensor:
        """Compute SwiGLU: one half of a projection, through SiLU, times the other, projected back."""
        opened, through = self.inward(x).chunk(2, -1)
        return self.outward(self.dropout(silu(opened) * through))


class Model(sasrec.Model):
    """Encode histories as SASRec does, through LiGR blocks; score by the item embeddings.

    Deviations from the source: the loss is whichever is asked for (there it is `sampled`, with 256 negatives for each
    prediction); there is no dropout on attention weights, which fused kernels do not have; as in SASRec item embeddings
    are multiplied by `sqrt(C)`, a LayerNorm follows the last block, and position 0 is the oldest event read, where the
    authors' code (RecTools) has neither and counts positions back from the newest.

    Source: Tikhonovich et al. 2025 (eSASRec), arXiv:2508.06450; block: Borisyuk et al. 2025 (LiGR), arXiv:2502.03417.
    """

    BLOCK = Block
