"""LinRec's forms in Triton as operators of torch: counting, tracing and compiling see them."""

from typing import Any

import torch
from torch import Tensor

from linrec_cli.kernels import _triton, _triton_bidirectional
from linrec_cli.kernels._triton import ends, rows


@torch.library.custom_op("linrec::mix_triton", mutates_args=())
def causal(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mix, and give what is kept: states, norms, counts."""
    out, kept = _triton.forward(q, k, v, log_decay, keep)
    return out, *kept


@causal.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, keep: bool) -> tuple[Tensor, ...]:
    out, kept = _triton.made(q, v, log_decay is not None, keep)
    return out, *kept


@torch.library.custom_op("linrec::mix_triton_backward", mutates_args=())
def causal_backward(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    states: Tensor,
    norms: Tensor,
    counts: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give the gradients of queries, keys, values and, where there is one, the log-decay."""
    dq, dk, dv, ddecay = _triton.backward(grad, q, k, v, log_decay, (states, norms, counts))
    return dq, dk, dv, norms.new_empty(0) if ddecay is None else ddecay


@causal_backward.register_fake
def _(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, *kept: Tensor) -> tuple[Tensor, ...]:
    return rows(q), rows(k), rows(v), kept[1].new_empty(0 if log_decay is None else q.shape[1])


def keeps(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Keep the inputs, and what is kept."""
    ctx.save_for_backward(*inputs[:4], *output[1:])
    ctx.mark_non_differentiable(*output[1:])


def differentiate(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradients of what `causal` takes."""
    kept = ctx.saved_tensors
    *grads, ddecay = torch.ops.linrec.mix_triton_backward(grad, *kept)
    return *grads, None if kept[3] is None else ddecay, None


causal.register_autograd(differentiate, setup_context=keeps)


@torch.library.custom_op("linrec::mix_bidirectional_triton", mutates_args=())
def bidirectional(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mix, and give the state and norm of all keys."""
    out, known = _triton_bidirectional.forward(q, k, v, lengths)
    return out, *known


@bidirectional.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
    return rows(v), *(x[:, :, 0] for x in ends(q, 1))


@torch.library.custom_op("linrec::mix_bidirectional_triton_backward", mutates_args=())
def bidirectional_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, state: Tensor, norm: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the gradients of queries, keys and values."""
    return _triton_bidirectional.backward(grad, q, k, v, lengths, (state, norm))


@bidirectional_backward.register_fake
def _(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
    return rows(q), rows(k), rows(v)


def keeps_all(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Keep the inputs, and what is known of all keys."""
    ctx.save_for_backward(*inputs, *output[1:])
    ctx.mark_non_differentiable(*output[1:])


def differentiate_all(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradients of what `bidirectional` takes."""
    return *torch.ops.linrec.mix_bidirectional_triton_backward(grad, *ctx.saved_tensors), None


bidirectional.register_autograd(differentiate_all, setup_context=keeps_all)
