"""The floor: no attention, the plain mean of what came before."""

import torch
from torch import Tensor, nn

FORMS = ("causal", "bidirectional")

State = tuple[Tensor, Tensor]


class Attention(nn.Module):
    """Give every position the mean of the values it may see: its prefix, or the whole sequence.

    It is the floor that a mechanism has to beat, since nothing in it looks at what the positions hold: no queries, no
    keys, one projection to values and one back. The nearest published layer is PoolFormer's average pooling, which
    pools a small neighbourhood, subtracts the input and has no projections.

    Cost: `O(T D)` operations and `O(T D)` memory a head; `O(D)` an event as a recurrence.
    Source: none for the mechanism; the idea as in Yu et al. 2022 (PoolFormer, CVPR), arXiv:2111.11418.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__()
        self.causal = causal
        self.inward, self.outward = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]`, of which row `b` has `lengths[b]` real positions, to `[B, T, C]`."""
        v = self.inward(x)
        position = torch.arange(x.shape[1], device=x.device)[:, None]
        if self.causal:
            mean = v.cumsum(1, dtype=wide(v)) / (position + 1)
            return self.outward(mean.to(v.dtype))
        real = position < lengths[:, None, None]
        mean = (v * real).sum(1, keepdim=True, dtype=wide(v)) / lengths.clamp(min=1)[:, None, None]
        return self.outward(mean.to(v.dtype)).expand_as(x)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: the sum of their values `[B, C]` and their lengths `[B, 1]`."""
        zeros, width = self.outward.weight.new_zeros, self.outward.in_features
        return zeros(batch, width, dtype=wide(self.outward.weight)), zeros(batch, 1, dtype=torch.long)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        v = self.inward(x)
        total, count = state[0] + v, state[1] + 1
        return self.outward((total / count).to(v.dtype)), (total, count)


def wide(x: Tensor) -> torch.dtype:
    """Tell the type to sum `x` in: its own, but at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
