"""Gated DeltaNet: a state that corrects what it holds under a key, and decays."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import solve_triangular
from torch.nn.functional import softplus

from linrec_cli.attentions._convolution import Convolution
from linrec_cli.attentions._decay import decays, summed
from linrec_cli.attentions._heads import Heads, apart
from linrec_cli.attentions._norm import gated
from linrec_cli.attentions._scan import chunks

FORMS = ("causal",)
EPS = 1e-5
LENGTH_EPS = 1e-6

State = tuple[Tensor, Tensor]


class Attention(Heads):
    """Mix values by `S_t = a_t (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T`, `o_t = q_t S_t`, then norm and gate.

    Queries, keys and values are each a projection, a causal convolution over 4 positions and SiLU; queries and keys
    then have L2 norm 1. `b = sigmoid(x W)` is how far the state is corrected, `a = exp(-A softplus(x U + c))` its
    decay, scalars of each head; `decay=false` is DeltaNet, where `a` is 1. Each head is divided by its root mean
    square, multiplied by `silu(x G)`, and projected. A history is a state of `D x D` numbers a head and the
    convolution's last 3 inputs.

    Within a chunk the corrections solve a triangular system; across chunks runs the state.

    Deviations from the source: values are as wide as keys, where the source doubles them; the first `A` and `c` are
    spread evenly over the heads, not drawn; queries are not divided by `sqrt(D)`, which the norm undoes; the norm's
    weights are left to the projection after it; projections have biases. DeltaNet's own layer has no gate after the
    norm.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Yang et al. 2024 (Gated DeltaNet, ICLR 2025), arXiv:2412.06464; without decay Yang et al. 2024 (DeltaNet,
    NeurIPS), arXiv:2406.06484.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int, decay: bool = True) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.convolution = Convolution(3 * width)
        self.gate, self.strength = nn.Linear(width, width), nn.Linear(width, heads, bias=False)
        self.rate = nn.Linear(width, heads, bias=False) if decay else None
        if decay:
            self.decay = nn.Parameter(torch.linspace(1, 16, heads).log())
            # The inverse of softplus: steps start between .1 and .001, the longest where `A` is the smallest.
            self.bias = nn.Parameter(torch.logspace(-1, -3, heads).expm1().log())

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project `x [B, T, C]` to queries, keys, values `[B, H, T, D]`, strengths and log-decays `[B, H, T]`."""
        return self.parts(self.convolution(self.inward(x)), x)

    def parts(self, convolved: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """Cut `convolved [B, T, 3 C]` into heads; compute strengths and log-decays in at least float32."""
        strength = self.strength(x)
        strength = strength.to(torch.promote_types(strength.dtype, torch.float32)).sigmoid().mT
        log_decay = torch.zeros_like(strength)
        if self.rate is not None:
            step = softplus(self.rate(x).to(strength.dtype) + self.bias)
            log_decay = -(self.decay.to(step.dtype).exp() * step).mT
        return *apart(convolved, 3, self.heads), strength, log_decay

    def attend(self, q: Tensor, k: Tensor, v: Tensor, strength: Tensor, log_decay: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in chunks; three `[B, H, T, D]`, two `[B, H, T]`, systems and state in at least float32."""
        # The types are settled here: inside, autocast could make them differ between the two passes.
        q, k = unit(q).to(v.dtype), unit(k).to(v.dtype)
        with torch.autocast(v.device.type, enabled=False):
            out: Tensor = Scan.apply(q, k, v, strength, log_decay)
        return out

    def reference(
        self, q: Tensor, k: Tensor, v: Tensor, strength: Tensor, log_decay: Tensor, lengths: Tensor
    ) -> Tensor:
        """Mix positions by the formula, an event at a time."""
        q, k = (x / ((x * x).sum(-1, keepdim=True) + LENGTH_EPS).sqrt() for x in (q, k))
        s, rows = torch.zeros_like(k[:, :, 0, :, None] * v[:, :, 0, None]), []
        for t in range(q.shape[2]):
            key, b = k[:, :, t, :, None], strength[:, :, t, None, None]
            erased = torch.eye(q.shape[3], dtype=q.dtype, device=q.device) - b * key @ key.mT
            s = log_decay[:, :, t].exp()[..., None, None] * erased @ s + b * key * v[:, :, t, None]
            rows.append((q[:, :, t, :, None] * s).sum(2))
        return torch.stack(rows, 2)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Norm each head of `mixed [B, H, T, D]`, gate by `x [B, T, C]` and project, `[B, T, C]`."""
        return self.outward(gated(mixed, self.gate(x), EPS))

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]` and the convolution's, `[B, 3, 3 C]`."""
        return self.zeros(batch, self.size, self.size), self.convolution.start(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        x = x[:, None]
        convolved, tail = self.convolution.step(self.inward(x), state[1])
        q, k, v, strength, log_decay = self.parts(convolved, x)
        q, k, s = unit(q), unit(k), log_decay[..., None].exp() * state[0]
        s = s + k.mT * strength[..., None] * (v - k @ s)
        return self.join((q @ s).to(v.dtype), x)[:, 0], (s, tail)


def unit(x: Tensor) -> Tensor:
    """Divide `x [..., D]` by its L2 norm, in at least float32."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    return x * (x.square().sum(-1, keepdim=True) + LENGTH_EPS).rsqrt()


class Scan(torch.autograd.Function):
    """The delta rule in chunks, with a backward pass in the same chunks.

    With `u_t` what position `t` writes under its key, `o_t` and the next `u_t` read it as a decayed scan does. In a
    chunk that the state `S` enters, `(I + L) u = b (v - K S)`, where `K` holds the decayed keys and `L` their products
    with the keys before, times `b`. So `u = u0 - W S`, both solved for all chunks at once.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, strength: Tensor, log_decay: Tensor) -> Tensor:
        """Scan, keeping the five inputs."""
        ctx.save_for_backward(q, k, v, strength, log_decay)
        length, dtype = q.shape[2], q.dtype
        within, since, until, whole = decays(log_decay, length, dtype)
        q, k, v, strength = chunks(q), chunks(k), chunks(v), chunks(strength[..., None])
        _, written, states, _ = solved(k, v, strength, (within, since, until, whole))
        out = (q @ k.mT).mul_(within) @ written.to(dtype)
        if q.shape[2] > 1:
            out += (q @ states.to(dtype)).mul_(since)
        return out.flatten(2, 3)[:, :, :length]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        """Compute the gradients from the states, what was written, and the gradients of both."""
        q, k, v, strength, log_decay = ctx.saved_tensors
        length, dtype = q.shape[2], q.dtype
        within, since, until, whole = decays(log_decay, length, dtype)
        q, k, v, strength, g = chunks(q), chunks(k), chunks(v), chunks(strength[..., None]), chunks(grads[0])
        lower, written, states, (read, keys) = solved(k, v, strength, (within, since, until, whole))
        u, s = written.to(dtype), states.to(dtype)
        # The gradient of what was written, without and then with what later chunks read; then of the system's right.
        scores = (q @ k.mT).mul_(within)
        du = scores.mT @ g
        slopes = carried((q * since).mT @ g - read.mT @ du, whole, (read.mT, keys.mT), reverse=True)
        du = (du + (k * until) @ slopes.to(dtype)).to(whole.dtype)
        du = solve_triangular((strength * lower).mT, du, upper=True, unitriangular=True)
        dstrength = (du * (v - since * (k @ s) - lower @ written)).sum(-1, keepdim=True)
        dv = (strength * du).to(dtype)
        outer, inner = g @ u.mT, (dv @ u.mT).tril_(-1)
        pairs = scores * outer - lower * inner
        outer.mul_(within), inner.mul_(within)
        # From earlier chunks queries and keys read; for later ones keys write.
        asked, read, writing = since * (g @ s.mT), -since * (dv @ s.mT), until * (u @ slopes.to(dtype).mT)
        beyond = whole * (states * slopes).sum((-1, -2), keepdim=True)
        dl = summed(pairs, q * asked + k * read, k * writing, beyond)
        dq, dk = outer @ k + asked, outer.mT @ q - inner @ k - inner.mT @ k + read + writing
        dq, dk, dv, ds = (d.flatten(2, 3)[:, :, :length] for d in (dq, dk, dv, dstrength))
        return dq, dk, dv, ds[..., 0].to(strength.dtype), dl[:, :, :length].to(log_decay.dtype)


def solved(
    k: Tensor, v: Tensor, strength: Tensor, left: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Solve each chunk's system and run the states through it; `left` is what `decays` gave.

    Returns:
        decayed products of keys with those before, `[B, H, M, N, N]`; what each position writes, `[B, H, M, N, E]`;
        the states that enter each chunk, `[B, H, M, D, E]`; `W [B, H, M, N, D]` and the keys that take what it reads
        off the next state, `[B, H, M, D, N]`.
    """
    within, since, until, whole = left
    lower = ((k @ k.mT) * within).tril_(-1)
    right = torch.cat([strength * v, strength * since * k], -1).to(within.dtype)
    written, read = solve_triangular(strength * lower, right, upper=False, unitriangular=True).split(
        [v.shape[4], k.shape[4]], -1
    )
    read, keys = read.to(k.dtype), (k * until).mT
    states = carried(keys @ written.to(k.dtype), whole, (keys, read))
    return lower, written - read @ states.to(k.dtype), states, (read, keys)


def carried(own: Tensor, whole: Tensor, pull: tuple[Tensor, Tensor], reverse: bool = False) -> Tensor:
    """Run `S <- whole S + own - P (W S)` over chunks, from the last if `reverse`; return what enters each one."""
    own = own.to(whole.dtype)
    states, whole = torch.zeros_like(own), whole.expand(-1, -1, own.shape[2], -1, -1)
    last, (outer, inner) = own.shape[2] - 1, (x.to(own.dtype) for x in pull)
    for m in range(last, 0, -1) if reverse else range(last):
        s = states[:, :, m]
        # In this order: the product of the two first would cost the cube of the width.
        pulled = outer[:, :, m] @ (inner[:, :, m] @ s)
        states[:, :, m - 1 if reverse else m + 1] = torch.addcmul(own[:, :, m], whole[:, :, m], s) - pulled
    return states
