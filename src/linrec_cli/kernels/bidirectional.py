"""LinRec's bidirectional form, compiled for CPUs, in Triton for GPUs."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from linrec_cli.kernels import _compiled, _tried, _triton_bidirectional
from linrec_cli.kernels import _triton_operators as _triton_operators
from linrec_cli.kernels._compiled import elements, gradients, output, run


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Tell whether `mix` is to run, compiled or in Triton's form.

    Raises:
        RuntimeError: one of them is forced, and there is an obstacle.
    """
    return _tried.serves(q, k, v, causal=False) or _compiled.serves(q, k, v)


def mix(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Compute `o_t = (q_t / (|q_t| sqrt(c n))) S` for `[B, H, T, D]` that it `serves`, after an ELU on `q` and `k`.

    `S` is the sum of `k_t v_t^T` and `n` that of `k_t^2` over the first `c = lengths[b]` positions. The others are
    padding, which is not read: their outputs and gradients are zero.

    Backwards, with `s_t = 1 / sqrt(|q_t|^2 + eps)`, `r = 1 / sqrt(c (n + eps))` and `R` the sum of `s_t q_t g_t^T`:
    `da_t = r (S g_t)`; `dq_t = s_t (da_t - q_t s_t^2 (q_t da_t))`; `dv_t = R^T (r k_t)`; `dk_t = r (R v_t) - k_t f`,
    where `f` is `c r^3` by the sums of the rows of `S * R`.

    Cost: `O(T D^2)` operations a head. For the backward pass it keeps its inputs.

    Raises:
        RuntimeError: the form of Triton is forced, and there is an obstacle.
        ValueError: Triton's form is given `lengths` that are not whole numbers, one a sequence.
    """
    if _tried.serves(q, k, v, causal=False):
        return _triton_bidirectional.mix(q, k, v, lengths)
    out: Tensor = torch.ops.linrec.mix_bidirectional(q, k, v, lengths)
    return out


@torch.library.custom_op("linrec::mix_bidirectional", mutates_args=(), device_types="cpu")
def forward(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Mix."""
    out = output(q)
    run(q, k, v, None, out, *[None] * 4, segment=0, lengths=lengths)
    return out


@forward.register_fake
def made(q: Tensor, *more: Any) -> Tensor:
    """Make what `forward` fills."""
    return output(q)


@torch.library.custom_op("linrec::mix_bidirectional_backward", mutates_args=(), device_types="cpu")
def backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Give the gradients of queries, keys and values, `[B, T, 3, H, D]`."""
    every = gradients(q)
    run(q, k, v, None, None, grad, *(part.transpose(1, 2) for part in every.unbind(2)), segment=0, lengths=lengths)
    return every


@backward.register_fake
def made_backward(grad: Tensor, q: Tensor, *more: Any) -> Tensor:
    """Make what `backward` fills."""
    return gradients(q)


def saved(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """Keep the inputs."""
    ctx.save_for_backward(*inputs)


def differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradients of what `forward` takes."""
    every = torch.ops.linrec.mix_bidirectional_backward(grad, *ctx.saved_tensors)
    return *(part.transpose(1, 2) for part in every.unbind(2)), None


forward.register_autograd(differentiate, setup_context=saved)


@register_flop_formula([torch.ops.linrec.mix_bidirectional, torch.ops.linrec.mix_bidirectional_triton])
def operations(q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count two products with a state and what is done to each feature."""
    positions, size = elements(q)
    return positions * (4 * size * size + 12 * size)


@register_flop_formula(
    [torch.ops.linrec.mix_bidirectional_backward, torch.ops.linrec.mix_bidirectional_triton_backward]
)
def backward_operations(grad: torch.Size, q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count five products, the features twice, and their gradients."""
    positions, size = elements(q)
    return positions * (10 * size * size + 34 * size)
