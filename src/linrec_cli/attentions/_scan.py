"""The causal product that linear mechanisms share: `o_t = q_t S_t`, `S_t = S_{t-1} + k_t v_t^T`, in chunks."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

CHUNK = 64
"""Positions in a chunk: within one the masked product is cheapest, across chunks the state."""


def scan(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute `o_t = sum over s <= t of (q_t . k_s) v_s` for `[B, H, T, D]`, and its gradients in the same way.

    Cost: `O(T (CHUNK + D) D)` operations a head; only `q`, `k` and `v` are kept for the backward pass.
    """
    out: Tensor = Scan.apply(q, k, v)
    return out


class Scan(torch.autograd.Function):
    """The scan with a backward pass made of scans.

    With `g` the gradient of the output, `dq_t = sum over s <= t of (g_t . v_s) k_s` is again a scan, and `dk` and
    `dv` are scans that run from the end.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Scan, keeping the three inputs."""
        ctx.save_for_backward(q, k, v)
        return chunked(q, k, v)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scan forwards for `q`, backwards for `k` and `v`."""
        q, k, v = ctx.saved_tensors
        g = grads[0].contiguous()
        return chunked(g, v, k), chunked(v, g, q, reverse=True), chunked(k, q, g, reverse=True)


def chunked(q: Tensor, k: Tensor, v: Tensor, reverse: bool = False) -> Tensor:
    """Compute the sum over `s <= t` (or `s >= t`) of `(q_t . k_s) v_s`; the state is kept in at least float32."""
    length = q.shape[2]
    q, k, v = (chunks(x) for x in (q, k, v))
    scores = q @ k.mT
    out = (scores.triu_() if reverse else scores.tril_()) @ v
    if q.shape[2] > 1:
        out += q @ carried(k, v, reverse).to(q.dtype)
    return out.flatten(2, 3)[:, :, :length]


def sizes(length: int) -> tuple[int, int]:
    """Choose the number of chunks and their size: equal sizes, so that little is padded, and no chunk of one.

    Products over one position would be outer ones, for which torch wants a C compiler where it runs on CUDA.
    """
    count = -(-length // CHUNK)
    return count, max(2, -(-length // count))


def chunks(x: Tensor) -> Tensor:
    """Cut `x [B, H, T, D]` into `[B, H, M, N, D]`: blocks of memory that BLAS takes as they are."""
    count, size = sizes(x.shape[2])
    spare = count * size - x.shape[2]
    # Padding by nothing would be a second copy.
    return (pad(x, (0, 0, 0, spare)) if spare else x).contiguous().unflatten(2, (count, size))


def carried(k: Tensor, v: Tensor, reverse: bool) -> Tensor:
    """Sum `k^T v` over the chunks before each one (or after it): `[B, H, M, D, D]`."""
    own = k.mT @ v
    own = own.to(torch.promote_types(own.dtype, torch.float32))
    if reverse:
        return pad(own[:, :, 1:].flip(2).cumsum(2).flip(2), (0, 0, 0, 0, 0, 1))
    return pad(own[:, :, :-1].cumsum(2), (0, 0, 0, 0, 1, 0))
