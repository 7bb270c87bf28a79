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

WEAKEST = -1e-30
"""Greatest log-decay that is not zero: its inverse is far within float32."""

ELU = torch.ops.aten.elu_backward.grad_input

Fade = tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]
"""What is left after decay: see `fading`."""


def mix(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None) -> Tensor:
    """Compute `o_t = (q_t / (|q_t| sqrt(c_t n_t))) S_t` for `[B, H, T, D]`, after an ELU on `q` and `k`.

    `S_t = g S_{t-1} + k_t v_t^T`, `n_t = g n_{t-1} + k_t^2` and `c_t = g c_{t-1} + 1`, where `g` is the exponential of
    `log_decay [H]`, negative, or 1.

    Cost: `O(T (CHUNK + D) D)` operations a head. For the backward pass it keeps `4 T D + T` numbers a head: the
    features, the values and the scales.
    """
    kind = torch.promote_types(q.dtype, torch.float32)
    if log_decay is not None:
        log_decay = log_decay.to(kind)
    count = counts(log_decay, torch.arange(1, q.shape[2] + 1, dtype=kind, device=q.device))
    # Inside, autocast would make types differ.
    with torch.autocast(q.device.type, enabled=False):
        out: Tensor = Mix.apply(q, k, v, log_decay, count)
    return out


def counts(log_decay: Tensor | None, seen: Tensor) -> Tensor:
    """Compute `c_t = g c_{t-1} + 1`, `[H, T]`, from how many are `seen [T]`; these, `[1, T]`, where nothing fades."""
    if log_decay is None:
        return seen[None]
    # A decay too weak to be told from none counts them too.
    log_decay = log_decay[:, None].clamp(max=WEAKEST)
    return torch.expm1(log_decay * seen) / torch.expm1(log_decay)


class Mix(torch.autograd.Function):
    """The mechanism from projections to mixed values.

    With `s_t = 1 / sqrt(c_t (|q_t|^2 + eps))`, `r_t = 1 / sqrt(n_t + eps)` and `a_t = q_t s_t r_t`, the output is
    `a_t S_t`. Backwards, with `R_t` the sum of `g^(u-t) a_u g_u^T` over `u >= t`: `da_t = S_t g_t`, `dv_t = R_t^T k_t`;
    `p_t = da_t a_t` by feature; `dk_t = R_t v_t - k_t f_t`, where `f_t` is the sum of `g^(u-t) p_u r_u^2` over
    `u >= t`; `dq_t = s_t (da_t r_t - c_t q_t s_t sum(p_t))`. Within a chunk the sums are masked products.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, count: Tensor) -> Tensor:
        """Mix values, in float32 at least."""
        features = [torch.empty(q.shape, dtype=count.dtype, device=q.device) for _ in range(4)]
        rows = torch.empty(*q.shape[:3], 1, dtype=count.dtype, device=q.device)
        # The order in memory that the output projection wants.
        out = v.new_empty(v.transpose(1, 2).shape).transpose(1, 2)
        for part, fade in parts(q, log_decay):
            for new, old in zip(features, (q, k, v), strict=False):
                new[part] = old[part]
            torch.linalg.vector_norm(elu(features[0][part], inplace=True), dim=3, keepdim=True, out=rows[part])
            rows[part].square_().add_(QUERY_EPS).mul_(count[..., None]).rsqrt_()
            elu(features[1][part], inplace=True)
            fill(*(x[part].flatten(0, 1) for x in (*features, rows)), fade=fade, out=out[part])
        ctx.save_for_backward(*features, rows, count, log_decay)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of all five inputs."""
        (grad,), (*kept, count, log_decay) = grads, ctx.saved_tensors
        out = [torch.empty_like(x) for x in kept[:3]]
        ddecay, dcount = torch.zeros(count.shape[0], dtype=torch.float64, device=grad.device), torch.zeros_like(count)
        with torch.autocast(grad.device.type, enabled=False):
            for part, fade in parts(grad, log_decay):
                g = grad[part].to(count.dtype)
                counts = count[..., None].expand(g.shape[0], g.shape[1], -1, -1)
                inputs = (g, *(x[part] for x in kept), counts, *(x[part] for x in out))
                row, late = fill_gradients(*(x.flatten(0, 1) for x in inputs), fade=fade)
                if late is not None:
                    dcount -= row.view(g.shape[:3]).sum(0) / (2 * count)
                    ddecay += late.view(g.shape[:2]).sum(0)
        out = [x.to(grad.dtype) for x in out]
        if log_decay is None:
            return *out, None, None
        return *out, ddecay.to(count.dtype), dcount


def chunk(length: int, size: int) -> int:
    """Count the positions of a chunk: near 40 where heads are narrow, 64 where they are wide, all chunks alike."""
    most = 64 if size > 32 else 40
    return -(-length // -(-length // most))


def parts(x: Tensor, log_decay: Tensor | None) -> Iterator[tuple[slice, Fade]]:
    """Cut the batch of `[B, H, T, D]` so that a chunk of each part fills a block; say what fades within a chunk."""
    batch, heads, length, size = x.shape
    step = chunk(length, size)
    most = max(1, BLOCK // (heads * size * step))
    for start in range(0, batch, most):
        rows = min(most, batch - start)
        if start == 0 or rows < most:
            fade = fading(log_decay, step, rows * heads, x)
        yield slice(start, start + rows), fade


def fading(log_decay: Tensor | None, step: int, rows: int, x: Tensor) -> Fade:
    """Compute what is left from position to later position of a chunk, `[N, S, S]`, zero for earlier ones.

    Also from the position before the chunk to each, and from each to the last, both `[N, S, 1]`, and from the one to
    the other, `[N, 1, 1]`; none where nothing fades.
    """
    kind = torch.promote_types(x.dtype, torch.float32)
    if log_decay is None:
        return torch.ones(step, step, dtype=kind, device=x.device).tril_().expand(rows, -1, -1), None, None, None
    position = torch.arange(step, dtype=kind, device=x.device)
    steps = torch.cat([(position[:, None] - position).clamp_(min=0).flatten(), position + 1, position.flip(0)])
    left = (log_decay[:, None] * steps).exp_().repeat(rows // len(log_decay), 1)
    within, since, until = left.split([step * step, step, step], 1)
    return within.unflatten(1, (step, step)).tril(), since[..., None], until[..., None], since[:, -1:, None]


def chunks(x: Tensor, fade: Fade) -> list[tuple[slice, Tensor, Tensor | None, Tensor | None]]:
    """Cut the positions of `x [N, T, D]`; the last chunk may be shorter, and so is what fades within it."""
    (_, length, size), (within, since, until, _) = x.shape, fade
    step, cuts = chunk(length, size), []
    for start in range(0, length, step):
        n = min(step, length - start)
        more = (None, None) if since is None or until is None else (since[:, :n], until[:, -n:])
        cuts.append((slice(start, start + n), within[:, :n, :n], *more))
    return cuts


def faded(x: Tensor, by: Tensor | None) -> Tensor:
    """Multiply, unless nothing fades."""
    return x if by is None else x * by


def fill(q: Tensor, k: Tensor, v: Tensor, r: Tensor, s: Tensor, *, fade: Fade, out: Tensor) -> None:
    """Mix the features of a part, `[N, T, D]` as are all but `s [N, T, 1]`: fill `r` and `out [B, H, T, D]`."""
    state = k.new_zeros(k.shape[0], k.shape[2], k.shape[2])
    norm = k.new_zeros(k.shape[0], 1, k.shape[2])
    for at, within, since, until in chunks(k, fade):
        qc, kc, vc = q[:, at], k[:, at], v[:, at]
        # A product with what is left sums over the prefix faster than cumsum does.
        n = torch.bmm(within, kc.square()).add_(faded(norm, since))
        norm = n[:, -1:].clone()
        a = (qc * s[:, at]).mul_(torch.rsqrt(n.add_(KEY_EPS), out=r[:, at]))
        mixed = (a @ kc.mT).mul_(within) @ vc
        if at.start:
            mixed.baddbmm_(faded(a, since), state)
        if at.stop < k.shape[1]:
            state = torch.baddbmm(faded(state, fade[3]), faded(kc, until).mT, vc)
        out[:, :, at] = mixed.view(out[:, :, at].shape)


def fill_gradients(
    g: Tensor, q: Tensor, k: Tensor, v: Tensor, r: Tensor, s: Tensor, count: Tensor, dq: Tensor, dk: Tensor,
    dv: Tensor, *, fade: Fade,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Fill the gradients of a part, `[N, T, D]` as are all but `s` and `count [N, T, 1]`, from the last chunk on.

    Returns:
        the sums of `p_t` over features `[N, T]`, and the gradient of the log-decay `[N]` but for that of `count`.
    """
    cuts = chunks(k, fade)
    states = [k.new_zeros(k.shape[0], k.shape[2], k.shape[2])]
    for at, _, _, until in cuts[:-1]:
        states.append(torch.baddbmm(faded(states[-1], fade[3]), faded(k[:, at], until).mT, v[:, at]))
    later, norms = torch.zeros_like(states[0]), k.new_zeros(k.shape[0], 1, k.shape[2])
    rows, late = torch.empty_like(s), None if fade[3] is None else k.new_zeros(k.shape[0], dtype=torch.float64)
    for (at, within, since, until), state in zip(reversed(cuts), reversed(states), strict=True):
        gc, qc, kc, vc, rc, sc = (x[:, at] for x in (g, q, k, v, r, s))
        scaled = qc * sc
        a = scaled * rc
        weights, pull = (a @ kc.mT).mul_(within), (gc @ vc.mT).mul_(within)
        dw, da, db = weights.mT @ gc, pull @ kc, pull.mT @ a
        if at.stop < k.shape[1]:
            dw.baddbmm_(faded(kc, until), later)
            db.baddbmm_(faded(vc, until), later.mT)
        if at.start:
            asked = faded(gc, since)
            da.baddbmm_(asked, state.mT)
            later = torch.baddbmm(faded(later, fade[3]), a.mT, asked)
        dv[:, at] = dw
        da.mul_(rc)
        p = torch.mul(da, scaled, out=a)
        row = torch.sum(p, 2, keepdim=True, out=rows[:, at])
        p.mul_(rc).mul_(rc)
        after = torch.bmm(within.mT, p).add_(faded(norms, until))
        norms = after[:, :1] * (1 if since is None else since[:, :1])
        if late is None:
            db.addcmul_(kc, after, value=-1)
        else:
            # By halves, because the log-decay's gradient wants the middle.
            db.addcmul_(kc, after, value=-0.5)
            late += of_decay(0.5 * (row + KEY_EPS * p.sum(2, keepdim=True)), kc, db, at)
            db.addcmul_(kc, after, value=-0.5)
        da.addcmul_(scaled, row * count[:, at], value=-1).mul_(sc)
        ELU(da, 1, 1, 1, True, qc, grad_input=dq[:, at])
        ELU(db, 1, 1, 1, True, kc, grad_input=dk[:, at])
    return rows[..., 0], late


def of_decay(given: Tensor, k: Tensor, dk: Tensor, at: slice) -> Tensor:
    """Sum what the positions of a chunk add to the gradient of the log-decay, `[N]`, in float64.

    A pair at the distance `t - s` adds as many times its share: `t` times what position `t` is `given [N, S, 1]`, minus
    `s` times what it gives as a key. Large sums are taken off each other here, hence the precision.
    """
    share = given - (k * dk).sum(2, keepdim=True)
    return (share.double() * torch.arange(at.start, at.stop, device=k.device)[:, None]).sum((1, 2))
