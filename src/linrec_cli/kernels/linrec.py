"""LinRec's causal form: a compiled recurrence on CPUs, Triton on GPUs, and a loop of torch's operators anywhere."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from linrec_cli.kernels import _chunks, _compiled, _tried, _triton
from linrec_cli.kernels import _triton_operators as _triton_operators
from linrec_cli.kernels._chunks import KEY_EPS, QUERY_EPS, counts
from linrec_cli.kernels._compiled import FORMS, elements, exporting, force, gradients, obstacle, output, run

__all__ = ["FORMS", "KEY_EPS", "QUERY_EPS", "counts", "force", "mix", "obstacle"]

SEGMENT = 256
"""Positions between the states that are kept: what the backward pass touches of them fits the second-level cache."""


def mix(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """Compute `o_t = (q_t / (|q_t| sqrt(c_t n_t))) S_t` for `[B, H, T, D]`, after an ELU on `q` and `k`.

    `S_t = g S_{t-1} + k_t v_t^T`, `n_t = g n_{t-1} + k_t^2` and `c_t = g c_{t-1} + 1`, where `g` is the exponential of
    `log_decay [H]`, not positive, or 1. Positions from `lengths [B]` on are padding: they may be mixed or zero, and
    their gradients are zero where they are.

    Cost: `O(T D^2)` operations a head. For the backward pass the compiled form keeps its inputs and a state every
    `SEGMENT` positions.

    Raises:
        RuntimeError: the compiled form or that of Triton is forced, and there is an obstacle.
    """
    if _tried.serves(q, k, v, log_decay is not None):
        return _triton.mix(q, k, v, log_decay)
    if not _compiled.serves(q, k, v):
        return _chunks.mix(q, k, v, log_decay)
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in (q, k, v, log_decay))
    out: Tensor = torch.ops.linrec.mix(q, k, v, log_decay, lengths, keep)[0]
    return out


def serves(q: Tensor, k: Tensor, v: Tensor, decay: bool = False) -> bool:
    """Tell whether `mix` is the form to run: on a CPU, and where Triton's is; nothing exported runs it.

    Raises:
        RuntimeError: the form of Triton is forced, and there is an obstacle.
    """
    return not exporting() and (q.device.type == "cpu" or _tried.serves(q, k, v, decay))


@torch.library.custom_op("linrec::mix", mutates_args=(), device_types="cpu")
def forward(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, lengths: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor]:
    """Mix, and give the states to be kept, `[B, H, segments - 1, D + 1, D]`, norms first."""
    out, states = made(q, keep)
    kept = states if states.numel() else None
    run(q, k, v, kept, out, *[None] * 4, segment=SEGMENT, lengths=lengths, log_decay=log_decay)
    return out, states


@forward.register_fake
def made(q: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """Make what `forward` fills."""
    batch, heads, length, size = q.shape
    count = max(0, length - 1) // SEGMENT if more[-1] else 0
    return output(q), q.new_empty(batch, heads, count, size + 1, size)


@torch.library.custom_op("linrec::mix_backward", mutates_args=(), device_types="cpu")
def backward(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    lengths: Tensor | None,
    states: Tensor,
) -> tuple[Tensor, Tensor]:
    """Give the gradients of queries, keys and values, `[B, T, 3, H, D]`, and that of the log-decay, `[H]`."""
    every, ddecay = made_backward(grad, q)
    slope = None if log_decay is None else q.new_empty(q.shape[:2], dtype=torch.float64)
    grads = (part.transpose(1, 2) for part in every.unbind(2))
    kept = states if states.numel() else None
    run(q, k, v, kept, None, grad, *grads, segment=SEGMENT, lengths=lengths, log_decay=log_decay, slope=slope)
    return every, ddecay if slope is None else slope.sum(0).to(q.dtype)


@backward.register_fake
def made_backward(grad: Tensor, q: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """Make what `backward` fills."""
    return gradients(q), q.new_empty(q.shape[1])


def saved(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep the inputs and the states."""
    q, k, v, log_decay, lengths, _ = inputs
    ctx.save_for_backward(q, k, v, log_decay, lengths, output[1])
    ctx.mark_non_differentiable(output[1])


def differentiate(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradients of what `forward` takes."""
    # Once: what unpacks them, such as a checkpoint, may do so once only.
    kept = ctx.saved_tensors
    every, ddecay = torch.ops.linrec.mix_backward(grad, *kept)
    grads = (part.transpose(1, 2) for part in every.unbind(2))
    return *grads, None if kept[3] is None else ddecay, None, None


forward.register_autograd(differentiate, setup_context=saved)


@register_flop_formula([torch.ops.linrec.mix, torch.ops.linrec.mix_triton])
def operations(q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count two sweeps' products of a state and what is done to each feature, some two dozen."""
    positions, size = elements(q)
    return positions * (4 * size * size + 14 * size)


@register_flop_formula([torch.ops.linrec.mix_backward, torch.ops.linrec.mix_triton_backward])
def backward_operations(grad: torch.Size, q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count three sweeps, the features' preparation again, and their gradients."""
    positions, size = elements(q)
    return positions * (12 * size * size + 45 * size)
