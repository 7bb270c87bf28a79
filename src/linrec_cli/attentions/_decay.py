"""The causal product with a scalar decay: `o_t = q_t S_t`, `S_t = exp(l_t) S_{t-1} + k_t v_t^T`, in chunks."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from linrec_cli.attentions._fold import fold
from linrec_cli.attentions._scan import chunks, sizes

FLOOR = -1000.0
"""Least log-decay of one step: its exponential is zero in float64 too, and sums of it stay exact enough."""


def scan(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor) -> Tensor:
    """Compute `o_t = sum over s <= t of exp(l_{s+1} + ... + l_t) (q_t . k_s) v_s`, and its gradients.

    Args:
        q, k: `[B, H, T, D]`.
        v: `[B, H, T, E]`; its dtype is the output's.
        log_decay: `l`, not positive, `[B, H, T]` or what broadcasts to it: a constant of each head is `[H, 1]`.

    Cost: `O(T (CHUNK + D) E)` operations a head; only the four inputs are kept for the backward pass.
    """
    log_decay = log_decay[(None,) * (3 - log_decay.ndim)]
    # The types are settled here: inside, autocast could make them differ between the two passes.
    with torch.autocast(v.device.type, enabled=False):
        out: Tensor = Scan.apply(q.to(v.dtype), k.to(v.dtype), v, log_decay)
    return out


class Scan(torch.autograd.Function):
    """The scan with a backward pass in the same chunks: states run forwards again, their gradients backwards."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor) -> Tensor:
        """Scan, keeping the four inputs."""
        ctx.save_for_backward(q, k, v, log_decay)
        length = q.shape[2]
        within, since, until, whole = decays(log_decay, length, v.dtype)
        q, k, v = (chunks(x) for x in (q, k, v))
        out = (q @ k.mT).mul_(within) @ v
        if q.shape[2] > 1:
            out += (q @ carried((k * until).mT @ v, whole).to(v.dtype)).mul_(since)
        return out.flatten(2, 3)[:, :, :length]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Compute the gradients from the states that enter each chunk and the gradients of those that leave it."""
        log_decay, length = ctx.saved_tensors[3], ctx.saved_tensors[0].shape[2]
        within, since, until, whole = decays(log_decay, length, grads[0].dtype)
        q, k, v, g = (chunks(x) for x in (*ctx.saved_tensors[:3], grads[0]))
        scores, slopes = (q @ k.mT).mul_(within), g @ v.mT
        dv, pairs = scores.mT @ g, scores.mul_(slopes) if ctx.needs_input_grad[3] else None
        slopes.mul_(within)
        dq, dk = slopes @ k, slopes.mT @ q
        reading, writing, beyond = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(whole)
        if q.shape[2] > 1:
            states, slopes = carried((k * until).mT @ v, whole), carried((q * since).mT @ g, whole, reverse=True)
            reading, writing = (g @ states.to(q.dtype).mT).mul_(since), (v @ slopes.to(q.dtype).mT).mul_(until)
            dv += (k @ slopes.to(q.dtype)).mul_(until)
            beyond = whole * (states * slopes).sum((-1, -2), keepdim=True)
        dl = None
        if pairs is not None:
            dl = summed(pairs, q * reading, k * writing, beyond)
            dl = dl[:, :, :length].sum_to_size(log_decay.shape).to(log_decay.dtype)
        dq, dk, dv = (d.flatten(2, 3)[:, :, :length] for d in (dq + reading, dk + writing, dv))
        return dq, dk, dv, dl


def summed(pairs: Tensor, reading: Tensor, writing: Tensor, beyond: Tensor) -> Tensor:
    """Compute the gradient of the log-decays, `[B, H, T]`, in at least float32.

    That of `l_t` is the sum over `u >= t > s` of what comes by reading at `u` what was written at `s`. Only such terms
    are added here: the shorter `sum over u >= t of (q_u . dq_u - k_u . dk_u)` adds others and takes them off again.

    Args:
        pairs: the terms within a chunk, `u` by `s`, `[B, H, M, N, N]`; those above the diagonal are not read.
        reading, writing: of each `u` those with earlier chunks, of each `s` those with later ones, `[B, H, M, N, D]`.
        beyond: those of later chunks with earlier ones, `[B, H, M, 1, 1]`.
    """
    wide = beyond.dtype
    before = pairs.cumsum(-1, dtype=wide).tril_(-1).sum(-2) + writing.sum(-1, dtype=wide).cumsum(-1)
    after = reading.sum(-1, dtype=wide).flip(-1).cumsum(-1).flip(-1)
    return (pad(before[..., :-1], (1, 0)) + after + beyond[..., 0]).flatten(2)


def decays(log_decay: Tensor, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute what is left after decay, in at least float32, with `M` and `B` 1 where decays are constant.

    Returns:
        from position to later position within a chunk, `[B, H, M, N, N]`; from the chunk's start to each position and
        from each to its end, both `[B, H, M, N, 1]` in `dtype`; from its start to its end, `[B, H, M, 1, 1]`.
    """
    count, size = sizes(length)
    log_decay = log_decay.clamp(min=FLOOR)
    if log_decay.shape[2] == 1:
        log_decay = log_decay[..., None].expand(-1, -1, 1, size)
    else:
        log_decay = pad(log_decay, (0, count * size - length)).unflatten(2, (count, size))
    total = log_decay.cumsum(-1, dtype=torch.float64)
    # Differences of sums cancel. In two floats each they keep what float64 holds, at half its memory.
    wide = torch.promote_types(dtype, torch.float32)
    high = total.to(wide)
    low = (total - high).to(wide)
    within = (high[..., None] - high[..., None, :]).add_(low[..., None]).sub_(low[..., None, :])
    later = torch.ones(size, size, dtype=torch.bool, device=total.device).triu_(1)
    # Masked before the exponential, which would overflow there.
    within = within.masked_fill_(later, -math.inf).exp_()
    end = total[..., -1:]
    since, until, whole = total.exp()[..., None], (end - total).exp()[..., None], end.exp()[..., None]
    return within, since.to(dtype), until.to(dtype), whole.to(wide)


def carried(own: Tensor, whole: Tensor, reverse: bool = False) -> Tensor:
    """Sum what chunks add to the state over those before each one (or after it), in at least float32.

    Args:
        own: what each chunk adds, `[B, H, M, D, E]`.
        whole: what is left of a state after each chunk, broadcast to `own`.
        reverse: whether to run from the last chunk.
    """
    own = own.to(torch.promote_types(own.dtype, torch.float32))
    # What the last chunk adds, or the first, is in no state that is asked for.
    states = pad(own[:, :, 1:], (0, 0, 0, 0, 0, 1)) if reverse else pad(own[:, :, :-1], (0, 0, 0, 0, 1, 0))
    between = whole[:, :, 1:-1] if whole.shape[2] > 1 else whole
    fold(states[:, :, :-1] if reverse else states[:, :, 1:], between, reverse)
    return states
