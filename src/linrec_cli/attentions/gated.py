"""GLA: gated linear attention, a decay of each key feature that each event sets."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from linrec_cli.attentions._decay import carried
from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._norm import gated
from linrec_cli.attentions._scan import chunks

FORMS = ("causal",)
RANK = 16
TEMPERATURE = 16
EPS = 1e-5
LEAST = -1.0
"""Least log-decay of one step, so that a chunk's 64 steps keep the exponentials of both signs within float32."""
MIDDLE = 2.0**46
"""About `exp(32)`, half the range of a chunk: what queries and keys are scaled by, so that neither takes all of it."""

State = tuple[Tensor]


class Attention(Heads):
    """Mix values by `S_t = diag(a_t) S_{t-1} + k_t v_t^T`, `o_t = q_t S_t / sqrt(D)`, then norm and gate.

    `a = sigmoid(x U W + b)^(1/16)`, with `U` and `W` of rank 16, is a decay of each feature of the keys. Each head is
    divided by its root mean square, multiplied by `silu(x G)`, and projected. A history is a state of `D x D` numbers
    a head.

    Deviations from the source: one step's decay is at least `exp(-1)`, which the 16th root passes only where the
    sigmoid is below 1e-7: products of a chunk then need no second level of chunks. Keys are as wide as values, where
    the source's default has half; the norm's weights are left to the projection after it; projections have biases.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Yang et al. 2024 (GLA, ICML), arXiv:2312.06635.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.gate = nn.Linear(width, width)
        self.narrow, self.decay = nn.Linear(width, RANK, bias=False), nn.Linear(RANK, width)

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project `x [B, T, C]` to queries, keys, values and log-decays, each `[B, H, T, D]`."""
        z = self.decay(self.narrow(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        return *super().split(x), (logsigmoid(z) / TEMPERATURE).clamp(min=LEAST)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in chunks; all `[B, H, T, D]`, decays and state in at least float32."""
        # The types are settled here: inside, autocast could make them differ between the two passes.
        with torch.autocast(v.device.type, enabled=False):
            out: Tensor = Scan.apply(q.to(v.dtype), k.to(v.dtype), v, log_decay)
        return out

    def reference(self, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, an event at a time."""
        s, rows = torch.zeros_like(k[:, :, 0, :, None] * v[:, :, 0, None]), []
        for t in range(q.shape[2]):
            s = log_decay[:, :, t].exp()[..., None] * s + k[:, :, t, :, None] * v[:, :, t, None]
            rows.append((q[:, :, t, :, None] * s).sum(2) / q.shape[3] ** 0.5)
        return torch.stack(rows, 2)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Norm each head of `mixed [B, H, T, D]`, gate by `x [B, T, C]` and project, `[B, T, C]`."""
        return self.outward(gated(mixed, self.gate(x), EPS))

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]`."""
        return (self.zeros(batch, self.size, self.size),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v, log_decay = self.split(x[:, None])
        s = log_decay.mT.exp() * state[0] + k.mT * v
        mixed = (q * q.shape[3] ** -0.5).to(s.dtype) @ s
        return self.join(mixed.to(v.dtype), x[:, None])[:, 0], (s,)


class Scan(torch.autograd.Function):
    """The scan with a backward pass in the same chunks: states run forwards again, their gradients backwards.

    A product of queries and keys with a decay between them is that of `q_t exp(c_t)` and `k_s exp(-c_s)`, where `c` is
    summed from the start of the chunk. Both are scaled by a constant: one that follows the data would let the rounding
    of the past depend on the future.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor) -> Tensor:
        """Scan, keeping the four inputs."""
        ctx.save_for_backward(q, k, v, log_decay)
        length, v = v.shape[2], chunks(v)
        q, k, _, last, whole = scaled(q, k, log_decay)
        states = carried((k.mT @ v) * last, whole)
        out = (q @ k.mT).tril_() @ v
        if q.shape[2] > 1:
            out += q @ (states / MIDDLE).to(q.dtype)
        return out.flatten(2, 3)[:, :, :length]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        """Compute the gradients from the states that enter each chunk and the gradients of those that leave it."""
        q, k, v, log_decay = ctx.saved_tensors
        length, v, g = v.shape[2], chunks(v), chunks(grads[0])
        q, k, factor, last, whole = scaled(q, k, log_decay)
        dv = (q @ k.mT).tril_().mT @ g
        scores = (g @ v.mT).tril_()
        dq, dk = scores @ k, scores.mT @ q
        states = carried((k.mT @ v) * last, whole)
        slopes = carried((q.mT @ g) / MIDDLE, whole, reverse=True)
        beyond = (states[:, :, 1:] * slopes[:, :, :-1]).sum(-1)[..., None, :]
        if q.shape[2] > 1:
            states, slopes = (states / MIDDLE).to(q.dtype), (slopes * last).to(q.dtype)
            dq += g @ states.mT
            dk += v @ slopes.mT
            dv += k @ slopes
        # Summed to the end of the chunk only, so that rounding does not grow with the length.
        dl = ((q * dq).to(factor.dtype) - k * dk).flip(3).cumsum(3).flip(3)
        dl[:, :, :-1] += beyond
        dq, dk = (dq * factor).mul_(dq.shape[4] ** -0.5).to(q.dtype), (dk / factor).to(k.dtype)
        return tuple(d.flatten(2, 3)[:, :, :length] for d in (dq, dk, dv, dl.to(log_decay.dtype)))


def scaled(q: Tensor, k: Tensor, log_decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Scale queries by the decay since the start of their chunk, and keys by its inverse.

    Returns:
        queries and keys, `[B, H, M, N, D]`; what queries were multiplied by and keys divided by, but for `1/sqrt(D)`;
        its value at the end of each chunk and the decay of a whole chunk, both `[B, H, M, D, 1]`.
    """
    total = chunks(log_decay.to(torch.promote_types(q.dtype, torch.float32))).cumsum(3)
    factor, whole = total.exp() * MIDDLE, total[:, :, :, -1, :, None].exp()
    q, k = chunks(q), chunks(k)
    query, key = (q * factor).mul_(q.shape[4] ** -0.5), k / factor
    return query.to(q.dtype), key.to(k.dtype), factor, whole * MIDDLE, whole
