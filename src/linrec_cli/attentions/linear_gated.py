"""Gated LinRec: LinRec's norms under a decay of each head, then a norm of each head and a gate."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, silu

from linrec_cli.attentions._decay import scan
from linrec_cli.attentions._fold import recurrence
from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._norm import normed
from linrec_cli.kernels.linrec import KEY_EPS, QUERY_EPS, counts, mix, serves

FORMS = ("causal",)
HALF_LIVES = (8.0, 128.0)
"""Events after which a first decay has halved, from the first head to the last."""
EPS = 1e-6

State = tuple[Tensor, Tensor, Tensor]


class Attention(Heads):
    """Mix values by LinRec's causal form with a decay, divide by the root mean square of a head, and gate.

    With `g` the decay of a head, learned, `S_t = g S_{t-1} + k_t v_t^T`, `n_t = g n_{t-1} + k_t^2` and
    `c_t = g c_{t-1} + 1`, where `q` and `k` are `elu` of the projections, position `t` gets
    `(q_t / (|q_t| sqrt(c_t n_t))) S_t`: LinRec (`linear`) with a prefix that fades. Each head is divided by its root
    mean square, which undoes what scales a whole row, multiplied by `silu(x W)`, and projected. A history is a state of
    `D x D + D + 1` numbers a head.

    `decay=false`, `norm=false` and `gate=false` leave a part out; without all three it is `linear`.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Liu et al. 2023 (LinRec), arXiv:2411.01537, for the norms of queries and keys; Sun et al. 2023 (RetNet),
    arXiv:2307.08621, for decay, norm and gate, which there is constant where it is learned here. The combination is
    this project's own.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        causal: bool,
        maxlen: int,
        decay: bool = True,
        norm: bool = True,
        gate: bool = True,
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        first, last = HALF_LIVES
        half = first * (last / first) ** torch.linspace(0, 1, heads)
        # The logarithm of the rate, so that it stays positive.
        self.rate = nn.Parameter((math.log(2) / half).log()) if decay else None
        self.gate = nn.Linear(width, width) if gate else None
        self.norm = norm

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in chunks; all `[B, H, T, D]`, norms, decays and state in at least float32."""
        if serves(q, k, v, self.rate is not None):
            return mix(q, k, v, None if self.rate is None else self.log_decay(), lengths)
        return self.parallel(q, k, v)

    def parallel(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix all chunks at once, in few large operations, as a GPU wants it."""
        q, k = feature(q.contiguous()), feature(k.contiguous())
        log_decay = self.log_decay().to(k.dtype)
        # Its powers reach over the whole length: in less than float64 they would drift.
        norms = recurrence(k.square(), log_decay.double().exp()[None, :, None, None])
        count = counts(log_decay, torch.arange(1, k.shape[2] + 1, dtype=k.dtype, device=k.device))
        row = (q.square().sum(-1, keepdim=True) + QUERY_EPS) * count[..., None]
        return scan(q * row.rsqrt() * (norms + KEY_EPS).rsqrt(), k, v, log_decay[:, None])

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one position at a time over its prefix."""
        queries, keys = (torch.where(x > 0, x, torch.expm1(x.clamp(max=0))) for x in (q, k))
        queries = queries / ((queries * queries).sum(3, keepdim=True) + QUERY_EPS).sqrt()
        log_decay, rows = self.log_decay().to(k.dtype)[:, None], []
        for t in range(k.shape[2]):
            left = (log_decay * torch.arange(t, -1, -1, device=k.device)).exp()[..., None]
            seen = keys[:, :, : t + 1]
            norms = left.sum(1, keepdim=True) * ((left * seen * seen).sum(2, keepdim=True) + KEY_EPS)
            rows.append(queries[:, :, t, None] / norms.sqrt() @ (left * seen).mT @ v[:, :, : t + 1])
        return torch.cat(rows, 2)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Norm each head of `mixed [B, H, T, D]`, gate by `x [B, T, C]` and project, `[B, T, C]`."""
        flat = (normed(mixed, EPS) if self.norm else mixed).to(x.dtype).transpose(1, 2).flatten(2)
        return self.outward(flat if self.gate is None else flat * silu(self.gate(x)))

    def log_decay(self) -> Tensor:
        """Compute the logarithm of the decay of each head, `[H]`, in at least float32."""
        if self.rate is None:
            weight = self.outward.weight
            return torch.zeros(self.heads, device=weight.device, dtype=wide(weight))
        return -self.rate.to(wide(self.rate)).exp()

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]`, `n [B, H, 1, D]` and `c [B, H, 1, 1]`."""
        return self.zeros(batch, self.size, self.size), self.zeros(batch, 1, self.size), self.zeros(batch, 1, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        q, k, decay = feature(q), feature(k), self.log_decay().exp()[:, None, None]
        s, n, c = decay * state[0] + k.mT * v, decay * state[1] + k * k, decay * state[2] + 1
        row = (q.square().sum(-1, keepdim=True) + QUERY_EPS) * c
        mixed = (q * row.rsqrt() * (n + KEY_EPS).rsqrt()) @ s
        return self.join(mixed.to(v.dtype), x[:, None])[:, 0], (s, n, c)


def feature(x: Tensor) -> Tensor:
    """Apply ELU in at least float32."""
    return elu(x.to(wide(x)))


def wide(x: Tensor) -> torch.dtype:
    """Tell the type to sum `x` in: its own, but at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
