"""What query-key-value mechanisms share: projections in, heads, projection out."""

from abc import abstractmethod

from torch import Tensor, nn


class Heads(nn.Module):
    """Project `x [B, T, C]` to heads, let `attend` mix positions, project back.

    A mechanism writes `attend(q, k, v, lengths)` on `[B, H, T, D]`, the fast form, and `reference`, the formula,
    plain and slow.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__()
        self.heads, self.causal, self.maxlen = heads, causal, maxlen
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Project `x [B, T, C]` to queries, keys and values, each `[B, H, T, D]`."""
        q, k, v = self.inward(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]`, of which row `b` has `lengths[b]` real positions, to `[B, T, C]`."""
        mixed = self.attend(*self.split(x), lengths)
        return self.outward(mixed.transpose(1, 2).flatten(2))

    @abstractmethod
    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions, fast."""

    @abstractmethod
    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, plain and slow."""
