"""cosFormer: ReLU features whose products are weighted by the cosine of their distance."""

import math

import torch
from torch import Tensor
from torch.nn.functional import relu

from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._ratio import advance, empty, ratio

FORMS = ("causal", "bidirectional")
FLOOR = 1e-3
"""Added to each feature. Without it a query that just leaves zero turns its row from nothing into an average; with it
the gradient of a row by a feature is at most the spread of the values over `FLOOR`."""

State = tuple[Tensor, Tensor, Tensor]


class Attention(Heads):
    """Mix values by weights `phi(q_t) . phi(k_s) cos(pi/2 (t - s) / M)` with `phi = relu`, divided by their sum.

    With `a_t = pi/2 t / M`, `cos(a_t - a_s) = cos a_t cos a_s + sin a_t sin a_s`: each is a product of `2 D` features
    a position. `M` is `maxlen`, which no two positions are apart, so that no weight is negative; a history of at most
    that many events is a state of `2 D x D + 2 D` numbers a head and its length.

    Deviations from the source: `M` is `maxlen`, where the authors' code takes the length of the batch, so that
    padding, prefixes and steps agree; `phi(x) = relu(x) + FLOOR`, where that code keeps the denominator above 1e-6.
    A row whose weights all vanish is thus the average by the cosines, not zero.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Qin et al. 2022 (cosFormer, ICLR), arXiv:2202.08791.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, features and denominators in at least float32."""
        position = torch.arange(k.shape[2], device=k.device)[:, None]
        q, k = self.features(q, position), self.features(k, position)
        return ratio(q, k, v, lengths, causal=self.causal, eps=0)

    def features(self, x: Tensor, position: Tensor) -> Tensor:
        """Map queries or keys to `[B, H, T, 2 D]`, in at least float32."""
        x = relu(x.to(torch.promote_types(x.dtype, torch.float32))) + FLOOR
        angle = position.to(x.dtype) * (math.pi / 2 / self.maxlen)
        return torch.cat([x * angle.cos(), x * angle.sin()], -1)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of weights at once."""
        queries, keys = (torch.where(x > 0, x, 0) + FLOOR for x in (q, k))
        position = torch.arange(k.shape[2], device=k.device)
        distance = (position[:, None] - position).to(torch.promote_types(k.dtype, torch.float32))
        hidden = position > position[:, None] if self.causal else position >= lengths[:, None, None, None]
        weights = (queries @ keys.mT * (math.pi / 2 * distance / self.maxlen).cos().to(k.dtype)).masked_fill(hidden, 0)
        return weights @ v / weights.sum(-1, keepdim=True)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: the sums of `k^T v` and of `k`, and the length, `[B, 1, 1, 1]`."""
        s, total = empty(self, batch, 2 * self.outward.in_features // self.heads)
        return s, total, total.new_zeros(batch, 1, 1, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        q, k = self.features(q, state[2]), self.features(k, state[2])
        mixed, (s, total) = advance(q, k, v, state[:2], 0)
        return self.join(mixed, x[:, None])[:, 0], (s, total, state[2] + 1)
