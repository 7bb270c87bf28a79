"""LinRec's causal form on a CPU: a loop over chunks that stay in cache, with its backward pass written by hand."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import elu

QUERY_EPS = 1e-12
KEY_EPS = 1e-3
"""Under the roots. The smallest that keeps the gradient of the first keys within bounds; the source has none."""
BLOCK = 1 << 17
"""Numbers of one tensor that are worked on at a time: a dozen such tensors fit the second-level cache."""

ELU = torch.ops.aten.elu_backward.grad_input


def chunk(length: int, size: int) -> int:
    """Count the positions of a chunk: near 40 where heads are narrow, 64 where they are wide, all chunks alike."""
    most = 64 if size > 32 else 40
    return -(-length // -(-length // most))


def mix(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute `o_t = (elu(q_t) / (|elu(q_t)| sqrt(t n_t))) S_t` for `[B, H, T, D]`; see `linear.Attention`.

    Cost: `O(T (CHUNK + D) D)` operations a head. For the backward pass it keeps `4 T D + T` numbers a head: the
    features, the values and the scales.
    """
    # Inside, autocast would make types differ.
    with torch.autocast(q.device.type, enabled=False):
        out: Tensor = Mix.apply(q, k, v)
    return out


class Mix(torch.autograd.Function):
    """The mechanism from projections to mixed values.

    With `s_t = 1 / sqrt(t (|q_t|^2 + eps))`, `r_t = 1 / sqrt(n_t + eps)` and `a_t = q_t s_t r_t`, the output is
    `a_t S_t`. Backwards, with `R_t = sum over later s of a_s g_s^T`: `da_t = S_t g_t`, `dv_t = R_t^T k_t`,
    `dk_t = R_t v_t - k_t (sum over later s of p_s r_s^2)` where `p_t = da_t q_t s_t r_t` by feature, and
    `dq_t = s_t (da_t r_t - t q_t s_t sum(p_t))`; within a chunk the sums are masked products.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix values, in float32 at least."""
        kind = torch.promote_types(q.dtype, torch.float32)
        features = [torch.empty(q.shape, dtype=kind, device=q.device) for _ in range(4)]
        rows = torch.empty(*q.shape[:3], 1, dtype=kind, device=q.device)
        # The order in memory that the output projection wants.
        out = v.new_empty(v.transpose(1, 2).shape).transpose(1, 2)
        for part in parts(q):
            for new, old in zip(features, (q, k, v), strict=False):
                new[part] = old[part]
            fq, fk, fv, r, s = (x[part].flatten(0, 1) for x in (*features, rows))
            fill(elu(fq, inplace=True), elu(fk, inplace=True), fv, r, s, out[part])
        ctx.save_for_backward(*features, rows)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        """Give the gradients of queries, keys and values."""
        (grad,), kept = grads, ctx.saved_tensors
        out = tuple(torch.empty(x.shape, dtype=grad.dtype, device=x.device) for x in kept[:3])
        for part in parts(grad):
            inputs = (grad[part].to(kept[0].dtype), *(x[part] for x in kept), *(x[part] for x in out))
            with torch.autocast(grad.device.type, enabled=False):
                fill_gradients(*(x.flatten(0, 1) for x in inputs))
        return out


def parts(x: Tensor) -> Iterator[slice]:
    """Cut the batch of `[B, H, T, D]` so that a chunk of each part fills a block."""
    batch, heads, length, size = x.shape
    rows = max(1, BLOCK // (heads * size * chunk(length, size)))
    return (slice(start, start + rows) for start in range(0, batch, rows))


def chunks(length: int, size: int) -> list[slice]:
    """Cut `length` positions."""
    step = chunk(length, size)
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def fill(q: Tensor, k: Tensor, v: Tensor, r: Tensor, s: Tensor, out: Tensor) -> None:
    """Mix the features of a part, `[N, T, D]`: fill the scales, `r` as large, `s [N, T, 1]`, and `out [B, H, T, D]`."""
    torch.linalg.vector_norm(q, dim=2, keepdim=True, out=s)
    s.square_().add_(QUERY_EPS).mul_(positions(s)).rsqrt_()
    state = k.new_zeros(k.shape[0], k.shape[2], k.shape[2])
    norm = k.new_full((k.shape[0], 1, k.shape[2]), KEY_EPS)
    for at in chunks(*k.shape[1:]):
        qc, kc, vc = q[:, at], k[:, at], v[:, at]
        # A product with ones sums over the prefix faster than cumsum does.
        n = (kc.new_ones(kc.shape[1], kc.shape[1]).tril_() @ kc.square()).add_(norm)
        norm = n[:, -1:].clone()
        a = (qc * s[:, at]).mul_(torch.rsqrt(n, out=r[:, at]))
        mixed = (a @ kc.mT).tril_() @ vc
        if at.start:
            mixed.baddbmm_(a, state)
        state.baddbmm_(kc.mT, vc)
        out[:, :, at] = mixed.view(out[:, :, at].shape)


def fill_gradients(
    g: Tensor, q: Tensor, k: Tensor, v: Tensor, r: Tensor, s: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
) -> None:
    """Fill the gradients of one part, `[N, T, D]` as are all but `s [N, T, 1]`, from the last chunk to the first."""
    cuts, count = chunks(*k.shape[1:]), positions(s)
    states = [k.new_zeros(k.shape[0], k.shape[2], k.shape[2])]
    for at in cuts[:-1]:
        states.append(torch.baddbmm(states[-1], k[:, at].mT, v[:, at]))
    later, norms = torch.zeros_like(states[0]), k.new_zeros(k.shape[0], 1, k.shape[2])
    for at, state in zip(reversed(cuts), reversed(states), strict=True):
        gc, qc, kc, vc, rc, sc = (x[:, at] for x in (g, q, k, v, r, s))
        scaled = qc * sc
        a = scaled * rc
        weights, pull = (a @ kc.mT).tril_(), (gc @ vc.mT).tril_()
        dv[:, at] = (weights.mT @ gc).baddbmm_(kc, later)
        da = (pull @ kc).baddbmm_(gc, state.mT).mul_(rc)
        db = (pull.mT @ a).baddbmm_(vc, later.mT)
        later.baddbmm_(a.mT, gc)
        p = torch.mul(da, scaled, out=a)
        row = p.sum(2, keepdim=True).mul_(count[at])
        p.mul_(rc).mul_(rc)
        after = (p.new_ones(p.shape[1], p.shape[1]).triu_() @ p).add_(norms)
        norms = after[:, :1].clone()
        db.addcmul_(kc, after, value=-1)
        da.addcmul_(scaled, row, value=-1).mul_(sc)
        dq[:, at], dk[:, at] = ELU(da, 1, 1, 1, True, qc, grad_input=da), ELU(db, 1, 1, 1, True, kc, grad_input=db)


def positions(s: Tensor) -> Tensor:
    """Number the positions of `s [N, T, 1]` from 1: `[T, 1]`."""
    return torch.arange(1, s.shape[1] + 1, dtype=s.dtype, device=s.device)[:, None]
