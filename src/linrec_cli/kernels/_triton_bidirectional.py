"""LinRec's bidirectional form on a GPU, in two kernels forward and two backward, where Triton is installed."""

from typing import Any

import torch
from torch import Tensor

from linrec_cli.kernels._triton import dense, ends, on, rows, segments, settings, without

Known = tuple[Tensor, Tensor]
"""State `[B, H, D, D]` and norm `[B, H, D]` of all keys, or their gradients, in float32."""


def mix(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Compute `o_t = (q_t / (|q_t| sqrt(L n))) S` for `[B, H, T, D]`, after an ELU on `q` and `k`.

    `S` sums `k_s v_s^T` and `n` sums `k_s^2` over the `L` first positions, `lengths [B]`. Later ones are mixed as well;
    where there are no keys, the result is zero.

    Cost: `O(T D^2)` operations a head. For the backward pass it keeps its inputs and `D^2 + D` numbers a head.

    Raises:
        ValueError: `lengths` are not whole numbers, one a sequence.
    """
    if lengths.shape != q.shape[:1] or lengths.is_floating_point():
        raise ValueError("lengths are whole numbers, one a sequence.")
    out: Tensor = torch.ops.linrec.mix_bidirectional_triton(q, k, v, lengths.to(q.device))[0]
    return out


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
