"""The feed-forward of post-LayerNorm blocks."""

from torch import Tensor, nn
from torch.nn.functional import gelu

from linrec_cli.models._dropout import Dropout


class FeedForward(nn.Module):
    """Four times as wide inside, through GELU; dropped inside and at its end, added to its input and normed."""

    def __init__(self, width: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm, self.dropout = nn.LayerNorm(width, eps), Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x [..., C]` to `[..., C]`."""
        inner = self.dropout(gelu(self.inward(x)))
        out: Tensor = self.norm(x + self.dropout(self.outward(inner)))
        return out
