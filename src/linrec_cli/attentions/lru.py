"""LRU: a linear recurrence whose decay is a complex diagonal, as LRURec uses it."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from linrec_cli.attentions._fold import recurrence

FORMS = ("causal",)
EXPANSION = 2
RING = (0.8, 0.99)
"""Least and greatest modulus of the first decays."""


class Attention(nn.Module):
    """Mix positions by `h_t = lambda * h_{t-1} + gamma * (B x_t + b)`, `y_t = Re(C h_t) + c`.

    `h` has `2 C` complex features, each with a decay of its own, `lambda = exp(-exp(nu) + i exp(theta))`, so that its
    modulus stays below 1; it is drawn uniformly from the ring between the moduli .8 and .99. `gamma` is learned from
    `sqrt(1 - |lambda|^2)` on. There are no queries, keys and values, and heads are not used. A history is a state of
    `2 C` complex numbers.

    Deviations from the source: only the recurrent unit is here, because the LayerNorm, the residual (the `D x_t` of the
    unit's origin, Orvieto et al. 2023, arXiv:2303.06349, with `D = 1`), the dropout and the feed-forward around it are
    the model's. Pairs of positions are folded, where the source doubles the part that is done: any length, no padding,
    and a number of operations that is linear in it.

    Cost: `O(T C^2)` operations and `O(T C)` memory a head, the one head being all C channels, with `O(T C)` of the
    operations in the recurrence; `O(C^2)` an event as a recurrence.
    Source: Yue et al. 2024 (LRURec, WSDM), arXiv:2310.02367.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__()
        size = EXPANSION * width
        # Real and imaginary parts alternate, as torch stores a complex number.
        self.inward = nn.Linear(width, 2 * size)
        self.outward = nn.Linear(2 * size, width)
        # In (0, 1], because zero has no logarithm.
        area, turn = 1 - torch.rand(2, size)
        nu = -0.5 * (RING[0] ** 2 + area * (RING[1] ** 2 - RING[0] ** 2)).log()
        gamma = (1 - (-2 * nu).exp()).sqrt()
        self.logarithms = nn.Parameter(torch.stack([nu, 2 * math.pi * turn, gamma]).log())

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`; right padding is in no real position's past, so `lengths` is not read."""
        h = recurrence(self.driven(x)[:, None], self.decay()[None, None, None])
        return self.read(h[:, 0])

    def start(self, batch: int) -> tuple[Tensor]:
        """Make the state of `batch` empty histories: `h`, its real and imaginary parts, `[B, 2C, 2]`."""
        size = self.outward.in_features // 2
        return (wide(self.outward.weight.new_zeros(batch, size, 2)),)

    def step(self, x: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        h = torch.view_as_complex(state[0]) * self.decay() + self.driven(x)
        return self.read(h), (torch.view_as_real(h),)

    def decay(self) -> Tensor:
        """Compute `lambda [2C]`, complex, in at least single precision."""
        nu, theta = wide(self.logarithms[:2]).exp()
        return torch.polar((-nu).exp(), theta)

    def driven(self, x: Tensor) -> Tensor:
        """Project `x [..., C]` to `gamma * (B x + b) [..., 2C]`, complex."""
        # Scaling the weights saves a pass over every position.
        gamma = wide(self.logarithms[2]).exp().repeat_interleave(2)
        weight, bias = self.inward.weight * gamma[:, None], self.inward.bias * gamma
        u = linear(x, weight.to(self.inward.weight.dtype), bias.to(self.inward.bias.dtype))
        return torch.view_as_complex(wide(u).unflatten(-1, (-1, 2)))

    def read(self, h: Tensor) -> Tensor:
        """Project the states `h [..., 2C]` to `Re(C h) + c [..., C]`."""
        parts = torch.view_as_real(h).flatten(-2)
        out: Tensor = self.outward(parts.to(self.outward.weight.dtype))
        return out


def wide(x: Tensor) -> Tensor:
    """Give `x` at least single precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
