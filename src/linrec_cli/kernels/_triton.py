"""LinRec's causal form on a GPU, in one kernel forward and one backward, where Triton is installed."""

import importlib.util
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

Kept = tuple[Tensor, Tensor, Tensor]
"""Before each chunk but the first: states `[B, H, M, D, D]`, norms `[B, H, M, D]`, counts `[B, H, M, 2]`."""

WIDEST = 128
"""The widest head: the state of a wider one does not fit the registers."""


def available() -> str:
    """Say why the kernel cannot run here, nothing where it can."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if not torch.cuda.is_available():
        return "there is no GPU that CUDA can use"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than compute capability 8.0"
    return ""


def settings(size: int, kind: torch.dtype, backward: bool = False) -> dict[str, Any]:
    """Choose the positions of a chunk, the warps and the precision for heads of `size` features."""
    width = max(16, 1 << (size - 1).bit_length())
    chunk, warps = (32, 2) if width <= 32 else (64, 8) if width == 64 else (32, 8)
    exact = kind == torch.float32
    return {
        "SIZE": size, "CHUNK": chunk, "WIDTH": width, "num_warps": warps, "num_stages": 2,
        "EXACT": "tf32x3" if exact else "tf32", "SUMS": "tf32x3" if exact else "bf16x3",
    }  # fmt: skip


def forward(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None, keep: bool = True) -> tuple[Tensor, Kept]:
    """Mix values as the plain form does, all `[B, H, T, D]`, and keep what `backward` needs beside the inputs.

    The type is float32 or bfloat16, that of norms and states float32; `log_decay [H]` is float32.
    """
    from linrec_cli.kernels._triton_linrec import fill

    q, k, v = (dense(x) for x in (q, k, v))
    batch, heads, length, size = q.shape
    how = settings(size, q.dtype)
    between = -(-length // how["CHUNK"]) - 1 if keep else 0
    states = q.new_empty(batch, heads, between, size, size)
    norms = q.new_empty(batch, heads, between, size, dtype=torch.float32)
    counts = q.new_empty(batch, heads, between + 1 if log_decay is not None else 0, 2, dtype=torch.float32)
    out = rows(v)
    strides = [x.stride()[:3] for x in (q, k, v, out)]
    with on(q):
        fill[(batch * heads,)](
            q, k, v, out, log_decay, states, norms, counts, *strides, heads, length,
            DECAY=log_decay is not None, KEEP=keep, **how,
        )  # fmt: skip
    return out, (states, norms, counts)


def backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, kept: Kept
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Give the gradients of all inputs, from that of the output and what `forward` kept."""
    from linrec_cli.kernels._triton_linrec import fill_gradients

    inputs = [dense(x) for x in (q, k, v, grad)]
    batch, heads, length, size = q.shape
    dq, dk, dv = (rows(x) for x in (q, k, v))
    decays = q.new_empty(batch, heads, dtype=torch.float32)
    strides = [x.stride()[:3] for x in (*inputs, dq, dk, dv)]
    with on(q):
        fill_gradients[(batch * heads,)](
            *inputs, dq, dk, dv, log_decay, *kept, decays, *strides, heads, length,
            DECAY=log_decay is not None, **settings(size, q.dtype, backward=True),
        )  # fmt: skip
    return dq, dk, dv, None if log_decay is None else decays.sum(0)


def dense(x: Tensor) -> Tensor:
    """Make the features of a position lie side by side."""
    return x if x.stride(3) == 1 else x.contiguous()


def rows(x: Tensor) -> Tensor:
    """Make an empty `[B, H, T, D]` in the order in memory that a projection of `[B, T, H D]` wants."""
    return x.new_empty(x.transpose(1, 2).shape).transpose(1, 2)


def on(x: Tensor) -> Any:
    """Make the device of `x` the current one: kernels are launched on that."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()
