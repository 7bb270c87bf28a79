"""LinRec: linear attention with L2 norms, queries over features and keys over the sequence."""

import torch
from torch import Tensor
from torch.nn.functional import elu

from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._scan import scan
from linrec_cli.kernels import bidirectional
from linrec_cli.kernels.linrec import KEY_EPS, QUERY_EPS, mix, serves

FORMS = ("causal", "bidirectional")

State = tuple[Tensor, Tensor, Tensor]


class Attention(Heads):
    """Mix values by `rho1(elu(Q)) (rho2(elu(K))^T V)`.

    `rho1` divides each query by its L2 norm over features, `rho2` each key feature by `sqrt(T)` times its L2 norm over
    the sequence. In the causal form both run over the prefix, `n_t = sum over s <= t of k_s^2`, so that position `t`
    gets `(q_t / sqrt(t n_t)) S_t` with `S_t = sum over s <= t of k_s v_s^T`: each causal row is the last bidirectional
    one of its prefix, and a history is a state of `D x D + D` numbers a head and its length.

    Deviations from the source: the causal form; the constant `1/sqrt(D)` is left out (it only rescales the values); an
    epsilon stands under both roots, where the source divides by zero.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Liu et al. 2023 (LinRec, SIGIR), arXiv:2411.01537.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, norms and state in at least float32."""
        if self.causal and serves(q, k, v):
            return mix(q, k, v, lengths=lengths)
        if not self.causal and bidirectional.serves(q, k, v):
            return bidirectional.mix(q, k, v, lengths)
        return self.parallel(q, k, v, lengths)

    def parallel(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix all chunks at once, in few large operations, as a GPU wants it; the bidirectional form on any device."""
        # One copy each here saves one at every product.
        q, k, v = normal(q.contiguous()), feature(k.contiguous()), v.contiguous()
        position = torch.arange(k.shape[2], device=k.device)
        if self.causal:
            return scan((q * scale(k.square().cumsum(2), position[:, None] + 1)).to(v.dtype), k.to(v.dtype), v)
        k = k * (position < lengths[:, None])[:, None, :, None]
        q = q * scale(k.square().sum(2, keepdim=True), lengths[:, None, None, None])
        return q.to(v.dtype) @ (k.to(v.dtype).mT @ v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one position at a time over the keys that it may see."""
        e = torch.where(q > 0, q, torch.expm1(q.clamp(max=0)))
        queries = e / ((e * e).sum(3, keepdim=True) + QUERY_EPS).sqrt()
        e = torch.where(k > 0, k, torch.expm1(k.clamp(max=0)))
        position = torch.arange(k.shape[2], device=k.device)
        rows = []
        for t in range(k.shape[2]):
            seen = position[None] <= t if self.causal else position[None] < lengths[:, None]
            keys = e * seen[:, None, :, None]
            count = seen.sum(1)[:, None, None, None].to(keys.dtype)
            keys = keys / (count.sqrt() * ((keys * keys).sum(2, keepdim=True) + KEY_EPS).sqrt())
            rows.append((queries[:, :, t, None] @ keys.mT) @ v)
        return torch.cat(rows, 2)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]`, `n [B, H, D]` and the length, `[B, 1, 1]`."""
        s = self.zeros(batch, self.size, self.size)
        return s, self.zeros(batch, self.size), s.new_zeros(batch, 1, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = (part[:, :, 0] for part in self.split(x[:, None]))
        q, k = normal(q), feature(k)
        s, n, t = state[0] + k[..., None] * v[:, :, None], state[1] + k * k, state[2] + 1
        mixed = ((q * scale(n, t))[:, :, None] @ s).to(v.dtype)
        return self.join(mixed, x[:, None])[:, 0], (s, n, t)


def scale(n: Tensor, count: Tensor) -> Tensor:
    """Invert what `rho2` divides by, from the squared norms and the number of keys in them."""
    return ((n + KEY_EPS) * count).rsqrt()


def feature(x: Tensor) -> Tensor:
    """Apply ELU in at least float32."""
    return elu(x.to(torch.promote_types(x.dtype, torch.float32)))


def normal(q: Tensor) -> Tensor:
    """Apply ELU, then divide by the L2 norm over features."""
    e = feature(q)
    return e * (e.square().sum(-1, keepdim=True) + QUERY_EPS).rsqrt()
