"""Retention: rotated queries and keys under a constant decay of each head."""

import torch
from torch import Tensor, nn

from linrec_cli.attentions._decay import scan
from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._norm import gated
from linrec_cli.errors import UsageError

FORMS = ("causal",)
BASE = 10_000.0
EPS = 1e-6

State = tuple[Tensor, Tensor]


class Attention(Heads):
    """Mix values by `sum over s <= t of g^(t - s) (R_t q_t . R_s k_s) v_s / sqrt(D)`, then norm and gate.

    Head `h` decays by `g = 1 - 2^(-5 - h)`. `R_t` turns pairs of features by the angles `t / 10000^(j / (D/2 - 1))`, so
    that a product depends on the distance alone. Each head is divided by its root mean square, multiplied by
    `silu(x W)`, and projected. A history is a state of `D x D` numbers a head and its length.

    This is xPos with its scaling of each pair of features by a rate of its own made one rate a head, which is the
    decay. Deviations from the source: values are as wide as keys, where the released models double them; the
    normalisations of scores and of the decay's rows, which the norm undoes, are left out; projections have biases.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Sun et al. 2023 (RetNet), arXiv:2307.08621.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__(width, heads, causal, maxlen)
        if width // heads % 2:
            raise UsageError(f"retention turns pairs of features and a head has {width // heads}; make that even.")
        self.gate = nn.Linear(width, width)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in chunks; all `[B, H, T, D]`, decays and state in at least float32."""
        position = torch.arange(q.shape[2], device=q.device)[:, None]
        return scan(turned(q, position), turned(k, position, k.shape[3] ** -0.5), v, self.rates()[:, None])

    def rates(self) -> Tensor:
        """Compute the log-decay of each head, `[H]`, in float64."""
        head = torch.arange(self.heads, dtype=torch.float64, device=self.outward.weight.device)
        return torch.log1p(-torch.exp2(-5 - head))

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of scores at once."""
        half, position = q.shape[3] // 2, torch.arange(q.shape[2], device=q.device)
        distance = (position[:, None] - position).double()
        frequency = BASE ** -torch.linspace(0, 1, half, device=q.device, dtype=torch.float64)
        angle = distance[..., None] * frequency
        a, b, c, d = q[..., None, :half], q[..., None, half:], k[:, :, None, :, :half], k[:, :, None, :, half:]
        scores = ((a * c + b * d) * angle.cos().to(q.dtype) + (a * d - b * c) * angle.sin().to(q.dtype)).sum(-1)
        decay = 1 - 2.0 ** (-5 - torch.arange(self.heads, device=q.device).double())
        weights = (decay[:, None, None] ** distance.clamp(min=0) * (distance >= 0)).to(q.dtype)
        return (scores * weights / q.shape[3] ** 0.5) @ v

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Norm each head of `mixed [B, H, T, D]`, gate by `x [B, T, C]` and project, `[B, T, C]`."""
        return self.outward(gated(mixed, self.gate(x), EPS))

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]` and the length, `[B, 1, 1, 1]`."""
        s = self.zeros(batch, self.size, self.size)
        return s, s.new_zeros(batch, 1, 1, 1, dtype=torch.long)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        q, k = turned(q, state[1]), turned(k, state[1], k.shape[3] ** -0.5)
        s = self.rates().exp().to(k.dtype)[:, None, None] * state[0] + k.mT * v
        return self.join((q @ s).to(v.dtype), x[:, None])[:, 0], (s, state[1] + 1)


def turned(x: Tensor, position: Tensor, scale: float = 1.0) -> Tensor:
    """Turn the pairs of features of `x [B, H, T, D]` by their angles at `position [..., T, 1]`, in at least float32."""
    half, wide = x.shape[3] // 2, torch.promote_types(x.dtype, torch.float32)
    # In float64, because less holds no fraction of a turn at late positions.
    angle = position * BASE ** -torch.linspace(0, 1, half, device=x.device, dtype=torch.float64)
    cos, sin = (scale * angle.cos()).to(wide), (scale * angle.sin()).to(wide)
    a, b = x.to(wide).split(half, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
