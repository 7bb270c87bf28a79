"""LinRec's causal form on a GPU, in one kernel forward and one backward or three of each, where Triton is installed."""

import importlib.util
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

Kept = tuple[Tensor, Tensor, Tensor]
"""States `[B, H, M - 1, D, D]` and norms `[B, H, M - 1, D]` before each chunk but the first, counts `[B, H, M, 2]`."""

SHAPES = {16: ((32, 2), (16, 2)), 32: ((16, 2), (16, 4)), 64: ((32, 8), (16, 4)), 128: ((16, 8), (16, 8))}
"""Positions of a chunk and warps, without and with decay, in bfloat16: what spills least of a few, compiled for sm_90.

Nothing is spilled but for 32 bytes a thread at 32 features with decay and at most 120 at 128. None was timed.
"""
PROGRAMS = 512
"""Programs that keep a GPU busy: where sequences and heads are fewer, long sequences are cut in segments. Not timed."""
LEAST = 256
"""Positions of a segment, at least: a shorter one is hardly worth that its keys are read twice. Not timed."""


def available() -> str:
    """Say why the kernel cannot run here, nothing where it can."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if not torch.cuda.is_available():
        return "there is no GPU that CUDA can use"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than compute capability 8.0"
    return ""


def unfit(q: Tensor, k: Tensor, v: Tensor) -> str:
    """Say why the kernel can't take these, or nothing."""
    if any(x.dtype not in (torch.float32, torch.bfloat16) or x.dtype != q.dtype for x in (q, k, v)):
        return "it takes float32 or bfloat16"
    if q.shape[3] > max(SHAPES) or not q.shape == k.shape == v.shape or not q.numel():
        return f"it takes heads of one width, up to {max(SHAPES)}, and at least a position"
    return ""


def mix(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None) -> Tensor:
    """Mix values as the plain form does, all `[B, H, T, D]`; what stands at padding is mixed too."""
    decay = None if log_decay is None else log_decay.float().contiguous()
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in (q, k, v, decay))
    out: Tensor = torch.ops.linrec.mix_triton(q, k, v, decay, keep)[0]
    return out


def settings(size: int, kind: torch.dtype, decay: bool) -> dict[str, Any]:
    """Choose how heads of `size` features are worked on: in float32 exactly, with small chunks.

    Raises:
        ValueError: heads are wider than 128.
    """
    width = max(16, 1 << (size - 1).bit_length())
    if width > max(SHAPES):
        raise ValueError(f"heads of {size} features, of which at most {max(SHAPES)} fit the registers")
    if kind == torch.float32:
        chunk, warps, exact, sums = 16, max(4, width // 8), "ieee", "ieee"
    else:
        (chunk, warps), exact, sums = SHAPES[width][decay], "tf32", "bf16x3"
    return {
        "SIZE": size, "CHUNK": chunk, "WIDTH": width, "DECAY": decay, "EXACT": exact, "SUMS": sums,
        "num_warps": warps, "num_stages": 1, "enable_fp_fusion": True,
    }  # fmt: skip


def made(q: Tensor, v: Tensor, decay: bool, keep: bool) -> tuple[Tensor, Kept]:
    """Make what `forward` fills."""
    batch, heads, length, size = q.shape
    between = -(-length // settings(size, q.dtype, decay)["CHUNK"]) - 1 if keep else 0
    states = q.new_empty(batch, heads, between, size, size)
    norms = q.new_empty(batch, heads, between, size, dtype=torch.float32)
    counts = q.new_empty(batch, heads, between + 1 if decay else 0, 2, dtype=torch.float32)
    return rows(v), (states, norms, counts)


def forward(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None, keep: bool = True) -> tuple[Tensor, Kept]:
    """Mix values as the plain form does, all `[B, H, T, D]`, and keep what `backward` needs beside the inputs.

    The type is float32 or bfloat16, that of norms and states float32; `log_decay [H]` is float32.
    """
    from linrec_cli.kernels._triton_linrec import carry, fill, gather

    q, k, v = (dense(x) for x in (q, k, v))
    batch, heads, length, size = q.shape
    how = settings(size, q.dtype, log_decay is not None)
    span, many = segments(batch * heads, length, how["CHUNK"])
    out, kept = made(q, v, log_decay is not None, keep)
    entries = ends(q, many - 1)
    strides = [x.stride()[:3] for x in (q, k, v, out)]
    with on(q):
        if many > 1:
            only = without(how, "SUMS")
            gather[batch * heads, many - 1](k, v, log_decay, None, *entries, *strides[1:3], heads, length, span, **only)
            carried(carry, entries, log_decay, span, how)
        fill[batch * heads, many](
            q, k, v, out, log_decay, *kept, *entries, *strides, heads, length, span, KEEP=keep, **how,
        )  # fmt: skip
    return out, kept


def backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, kept: Kept
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Give the gradients of all inputs, from that of the output and what `forward` kept."""
    from linrec_cli.kernels._triton_linrec import carry, fill_gradients

    inputs = [dense(x) for x in (q, k, v, grad.to(q.dtype))]
    batch, heads, length, size = q.shape
    how = settings(size, q.dtype, log_decay is not None)
    span, many = segments(batch * heads, length, how["CHUNK"])
    dq, dk, dv = (rows(x) for x in (q, k, v))
    entries, decays = ends(q, many - 1), q.new_empty(batch, heads, many, dtype=torch.float32)
    strides = [x.stride()[:3] for x in (*inputs, dq, dk, dv)]
    given = (*inputs, dq, dk, dv, log_decay, *kept, *entries, decays, *strides, heads, length, span)
    with on(q):
        if many > 1:
            fill_gradients[batch * heads, many - 1](*given, GATHER=True, **how)
            carried(carry, entries, log_decay, span, how)
        fill_gradients[batch * heads, many](*given, GATHER=False, **how)
    return dq, dk, dv, None if log_decay is None else decays.sum((0, 2))


def segments(programs: int, length: int, chunk: int) -> tuple[int, int]:
    """Cut sequences so that there are more programs, if need be.

    Returns:
        chunks of a segment, and segments.
    """
    chunks = -(-length // chunk)
    span = -(-chunks // max(1, min(PROGRAMS // programs, length // LEAST)))
    return span, -(-chunks // span)


def ends(x: Tensor, many: int) -> tuple[Tensor, Tensor]:
    """Make what is known at ends of segments: states `[B, H, many, D, D]` and norms `[B, H, many, D]`."""
    batch, heads, _, size = x.shape
    states = x.new_empty(batch, heads, many, size, size, dtype=torch.float32)
    return states, x.new_empty(batch, heads, many, size, dtype=torch.float32)


def carried(
    carry: Any, entries: tuple[Tensor, Tensor], log_decay: Tensor | None, span: int, how: dict[str, Any]
) -> None:
    """Turn what each segment adds into what the next is entered with."""
    batch, heads, slots, _ = entries[1].shape
    carry[batch * heads,](
        log_decay, *entries, heads, slots, span * how["CHUNK"], **without(how, "CHUNK", "EXACT", "SUMS")
    )


def without(how: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leave out settings that a kernel has none of."""
    return {key: value for key, value in how.items() if key not in names}


def dense(x: Tensor) -> Tensor:
    """Make the features of a position lie side by side."""
    return x if x.stride(3) == 1 else x.contiguous()


def rows(x: Tensor) -> Tensor:
    """Make an empty `[B, H, T, D]` in the order in memory that a projection of `[B, T, H D]` wants."""
    return x.new_empty(x.transpose(1, 2).shape).transpose(1, 2)


def on(x: Tensor) -> Any:
    """Make the device of `x` the current one: kernels are launched on that."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()
