"""LinRec's bidirectional form on a GPU, in two kernels forward and two backward, where Triton is installed."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from linrec_cli.kernels import _triton
from linrec_cli.kernels._triton import dense, ends, on, rows, segments, settings, without

Known = tuple[Tensor, Tensor]
"""State `[B, H, D, D]` and norm `[B, H, D]` of all keys, or their gradients, in float32."""


def mix(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Compute `o_t = (q_t / (|q_t| sqrt(L n))) S` for `[B, H, T, D]`, after an ELU on `q` and `k`.

    `S` sums `k_s v_s^T` and `n` sums `k_s^2` over the `L` first positions, `lengths [B]`. Later ones are mixed as well;
    where there are no keys, the result is zero.

    Cost: `O(T D^2)` operations a head. For the backward pass it keeps its inputs and `D^2 + D` numbers a head.
    """
    out: Tensor = Mix.apply(q, k, v, lengths.to(q.device))
    return out


def obstacle(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> str:
    """Say why the kernels can't take these, or nothing."""
    if lengths.shape != q.shape[:1] or lengths.is_floating_point():
        return "it takes a whole length for each sequence"
    return _triton.obstacle(q, k, v)


class Mix(torch.autograd.Function):
    """All kernels as one step of a graph."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix, and keep what the backward pass needs."""
        out, known = forward(q, k, v, lengths)
        ctx.save_for_backward(q, k, v, lengths, *known)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of all inputs."""
        q, k, v, lengths, *known = ctx.saved_tensors
        return *backward(grad, q, k, v, lengths, (known[0], known[1])), None


def forward(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> tuple[Tensor, Known]:
    """Mix values as the plain form does, all `[B, H, T, D]`, and keep what `backward` needs beside the inputs.

    The type is float32 or bfloat16.
    """
    from linrec_cli.kernels._triton_linrec import gather
    from linrec_cli.kernels._triton_linrec_bidirectional import answer

    q, k, v = (dense(x) for x in (q, k, v))
    size, grid, how = plan(q)
    out, parts = rows(v), ends(q, grid[1])
    at = [x.stride()[:3] for x in (k, v, q, out)]
    with on(q):
        gather[grid](k, v, None, lengths, *parts, *at[:2], *size, DECAY=False, **how)
        known = whole(parts)
        answer[grid](q, out, lengths, *known, *at[2:], *size, **how)
    return out, known


def backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, known: Known
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the gradients of queries, keys and values, from that of the output and what `forward` kept."""
    from linrec_cli.kernels._triton_linrec_bidirectional import ask_gradients, key_gradients

    q, k, v, grad = (dense(x) for x in (q, k, v, grad.to(q.dtype)))
    size, grid, how = plan(q)
    dq, dk, dv = (rows(x) for x in (q, k, v))
    parts = ends(q, grid[1])
    at = [x.stride()[:3] for x in (q, grad, dq, k, v, dk, dv)]
    with on(q):
        ask_gradients[grid](q, grad, dq, lengths, *known, *parts, *at[:3], *size, **how)
        key_gradients[grid](k, v, dk, dv, lengths, *whole(parts), *at[3:], *size, **how)
    return dq, dk, dv


def plan(q: Tensor) -> tuple[tuple[int, int, int], tuple[int, int], dict[str, Any]]:
    """Give heads, positions and chunks of a segment, then programs, and settings."""
    batch, heads, length, size = q.shape
    how = without(settings(size, q.dtype, False), "DECAY", "SUMS")
    span, many = segments(batch * heads, length, how["CHUNK"])
    return (heads, length, span), (batch * heads, many), how


def whole(parts: Known) -> Known:
    """Sum the segments."""
    state, norm = (x[:, :, 0] if x.shape[2] == 1 else x.sum(2) for x in parts)
    return state, norm
