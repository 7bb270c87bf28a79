"""Performer (FAVOR+): the softmax kernel estimated with positive orthogonal random features."""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._ratio import State, advance, empty, ratio
from linrec_cli.catalog import Range

FORMS = ("causal", "bidirectional")
FLOOR = 1e-6
"""Added to the features of keys, as in the authors' code: keys that all underflow weigh the same, not nothing."""
LIMIT = 40.0
"""Largest exponent of a key: room in float32 for the sums over a sequence and for their gradients."""
SEED = 0


class Attention(Heads):
    """Mix values by `phi(q_t) sum_s phi(k_s)^T v_s / (phi(q_t) . sum_s phi(k_s))`, an estimate of softmax attention.

    With `y = x / D^(1/4)` and rows `w_j` of `M` Gaussian directions, orthogonal in blocks of `D`, feature `j` is
    `phi_j(x) = exp(w_j . y - |y|^2 / 2) / sqrt(M)`: `phi(q) . phi(k)` has the mean `exp(q . k / sqrt(D))`. `features`
    is `M`; 0 stands for `D ln D`, rounded up, the order that the paper proves sufficient (its code has 256).

    Stabilisation, of each token alone: a query's features are divided by their sum, which the ratio cancels, and so
    are a softmax over `w_j . y`; a key's exponent, at most `|w_j|^2 / 2`, is cut at `LIMIT`, which only a key along a
    `w_j` longer than 8.9 can pass.

    Deviations from the source: the stabilisation, since its code subtracts the largest projection of all keys, which
    a prefix has yet to see; `FLOOR` is added to the features of keys alone and nothing to the denominator, which it
    bounds from below; the directions are drawn once and are the same in each layer, its code redraws them.

    Cost: `O(T M D)` operations and `O(T M)` memory a head with `M` features; `O(M D)` an event as a recurrence.
    Source: Choromanski et al. 2021 (Performer, ICLR), arXiv:2009.14794.
    """

    directions: Tensor

    def __init__(
        self, width: int, heads: int, causal: bool, maxlen: int, features: Annotated[int, Range(0, 16_384)] = 0
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        size = width // heads
        count = features or max(1, math.ceil(size * math.log(size)))
        self.register_buffer("directions", drawn(count, size))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, features and denominators in at least float32."""
        q, k = self.queries(q.contiguous()), self.keys(k.contiguous())
        return ratio(q, k, v, lengths, causal=self.causal, eps=0)

    def queries(self, q: Tensor) -> Tensor:
        """Map queries to features that sum to one, `[B, H, T, M]`."""
        return self.projected(q).softmax(-1)

    def keys(self, k: Tensor) -> Tensor:
        """Map keys to features, `[B, H, T, M]`."""
        norm = k.to(torch.promote_types(k.dtype, torch.float32)).square().sum(-1, keepdim=True)
        return (self.projected(k) - norm / (2 * math.sqrt(k.shape[-1]))).clamp(max=LIMIT).exp() + FLOOR

    def projected(self, x: Tensor) -> Tensor:
        """Compute `w_j . x / D^(1/4)` in at least float32, since its exponential is taken."""
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        with torch.autocast(x.device.type, enabled=False):
            return x @ (self.directions.to(x.dtype) / x.shape[-1] ** 0.25).mT

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of estimated weights at once."""
        y, z = (x / x.shape[-1] ** 0.25 for x in (q, k))
        w = self.directions.to(k.dtype)
        queries, keys = (y @ w.mT - (y * y).sum(-1, keepdim=True) / 2), (z @ w.mT - (z * z).sum(-1, keepdim=True) / 2)
        position = torch.arange(k.shape[2], device=k.device)
        hidden = position > position[:, None] if self.causal else position >= lengths[:, None, None, None]
        weights = (queries.exp() @ (keys.clamp(max=LIMIT).exp() + FLOOR).mT).masked_fill(hidden, 0)
        return weights @ v / weights.sum(-1, keepdim=True)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: the sums of `phi(k)^T v` and of `phi(k)`."""
        return empty(self, batch, len(self.directions))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        mixed, state = advance(self.queries(q), self.keys(k), v, state, 0)
        return self.join(mixed, x[:, None])[:, 0], state


def drawn(count: int, size: int) -> Tensor:
    """Draw `count` Gaussian directions of `size` features: orthogonal in blocks, their norms drawn apart."""
    generator = torch.Generator().manual_seed(SEED)
    norms = torch.randn(count, size, generator=generator, device="cpu").norm(dim=1, keepdim=True)
    blocks = [torch.empty(size, size, device="cpu") for _ in range(-(-count // size))]
    return norms * torch.cat([nn.init.orthogonal_(block, generator=generator) for block in blocks])[:count]
