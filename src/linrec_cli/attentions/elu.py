"""Linear transformer: the kernel `elu + 1` in place of the exponential of softmax."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._ratio import State, advance, empty, ratio

FORMS = ("causal", "bidirectional")
EPS = 1e-6
"""In the denominator, as in the authors' code; the paper has none."""


class Attention(Heads):
    """Mix values by `phi(q_t) sum_s phi(k_s)^T v_s / (phi(q_t) . sum_s phi(k_s))` with `phi(x) = elu(x) + 1`.

    The sums run over the prefix in the causal form, so that a history is a state of `D x D + D` numbers a head.

    Deviations from the source: `EPS` is added to the denominator, as the authors' code does and their paper does not,
    since `phi` underflows to zero for very negative inputs; below zero `phi` is computed as `exp(x)`, which is the
    same number without the cancellation in `exp(x) - 1 + 1`.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Katharopoulos et al. 2020 (linear transformer, ICML), arXiv:2006.16236.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, features and denominators in at least float32."""
        # One copy each here saves one at every product.
        return ratio(feature(q.contiguous()), feature(k.contiguous()), v, lengths, causal=self.causal, eps=EPS)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of weights at once."""
        queries, keys = (torch.where(x > 0, x + 1, x.clamp(max=0).exp()) for x in (q, k))
        position = torch.arange(k.shape[2], device=k.device)
        hidden = position > position[:, None] if self.causal else position >= lengths[:, None, None, None]
        weights = (queries @ keys.mT).masked_fill(hidden, 0)
        return weights @ v / (weights.sum(-1, keepdim=True) + EPS)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: the sums of `phi(k)^T v` and of `phi(k)`."""
        return empty(self, batch, self.outward.in_features // self.heads)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        mixed, state = advance(feature(q), feature(k), v, state, EPS)
        return self.join(mixed, x[:, None])[:, 0], state


def feature(x: Tensor) -> Tensor:
    """Apply `elu + 1` in at least float32."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    return relu(x) + x.clamp(max=0).exp()
