"""LinRec's causal form: a compiled recurrence on CPUs, and a loop of torch's operators that runs everywhere."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from linrec_cli.kernels import _chunks, _triton
from linrec_cli.kernels._chunks import KEY_EPS, QUERY_EPS, counts
from linrec_cli.kernels._library import load

__all__ = ["FORMS", "KEY_EPS", "QUERY_EPS", "counts", "force", "mix", "obstacle"]

FORMS = ("auto", "compiled", "plain", "triton")
"""`triton`, a GPU's, is taken where it is forced alone: nobody has run it on one yet, as `linrec doctor` will there."""
WIDEST = 128
"""Features of a head up to which a state fits the first-level cache with room to spare."""
SEGMENT = 256
"""Positions between the states that are kept: what the backward pass touches of them fits the second-level cache."""
FLOOR = -1000.0
"""Least log-decay: its exponential is zero."""

_forced = "auto"


@contextmanager
def force(form: str) -> Iterator[None]:
    """Let `mix` take one of `FORMS` within the context; `compiled` and `triton` are errors where they can't run."""
    global _forced
    if form not in FORMS:
        raise ValueError(f"no form '{form}'; known: {', '.join(FORMS)}.")
    before, _forced = _forced, form
    try:
        yield
    finally:
        _forced = before


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
    if _forced == "triton":
        if why := _triton.obstacle(q, k, v):
            raise RuntimeError(f"the Triton form of linrec can't run: {why}.")
        made: Tensor = _triton.Mix.apply(q, k, v, log_decay)
        return made
    why = "plain is forced" if _forced == "plain" else obstacle(q, k, v)
    if why and _forced == "compiled":
        raise RuntimeError(f"the compiled form of linrec can't run: {why}.")
    if why:
        return _chunks.mix(q, k, v, log_decay)
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in (q, k, v, log_decay))
    out: Tensor = torch.ops.linrec.mix(q, k, v, log_decay, lengths, keep)[0]
    return out


def serves(device: str) -> bool:
    """Tell whether `mix` is the form for a device: a CPU's, or that which is forced; nothing exported runs it."""
    return (device == "cpu" or _forced == "triton") and not torch.compiler.is_exporting()


def obstacle(q: Tensor, k: Tensor, v: Tensor) -> str:
    """Say why the compiled form can't take these, or nothing."""
    if any(x.device.type != "cpu" or x.dtype != torch.float32 for x in (q, k, v)):
        return "it takes float32 on a CPU"
    if q.shape[3] > WIDEST or not q.shape == k.shape == v.shape:
        return f"it takes heads of one width, up to {WIDEST}"
    if torch.compiler.is_exporting():
        return "what is exported runs without linrec"
    return missing()


# What is loaded once, torch.compile need not trace, which would break the graph there.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def missing() -> str:
    """Say why there is no library, or nothing."""
    return load()[1]


@torch.library.custom_op("linrec::mix", mutates_args=(), device_types="cpu")
def forward(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None, lengths: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor]:
    """Mix, and give the states to be kept, `[B, H, segments - 1, D + 1, D]`, norms first."""
    out, states = made(q, keep)
    run(q, k, v, states if states.numel() else None, out, *[None] * 4, log_decay=log_decay, lengths=lengths)
    return out, states


@forward.register_fake
def made(q: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """Make what `forward` fills; the values lie in the order in memory that the output projection wants."""
    batch, heads, length, size = q.shape
    count = max(0, length - 1) // SEGMENT if more[-1] else 0
    out = q.new_empty(batch, length, heads, size).transpose(1, 2)
    return out, q.new_empty(batch, heads, count, size + 1, size)


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
    states_or_none = states if states.numel() else None
    run(q, k, v, states_or_none, None, grad, *grads, log_decay=log_decay, lengths=lengths, slope=slope)
    return every, ddecay if slope is None else slope.sum(0).to(q.dtype)


@backward.register_fake
def made_backward(grad: Tensor, q: Tensor, *more: Any) -> tuple[Tensor, Tensor]:
    """Make what `backward` fills: gradients in one piece, as projections to all three want them."""
    batch, heads, length, size = q.shape
    return q.new_empty(batch, length, 3, heads, size), q.new_empty(heads)


def run(*tensors: Tensor | None, log_decay: Tensor | None, lengths: Tensor | None, slope: Tensor | None = None) -> None:
    """Call the library; see `linrec_run` in the source.

    Raises:
        MemoryError: it got none for its scratch.
    """
    library, why = load()
    if library is None:
        raise RuntimeError(f"the compiled form of linrec can't run: {why}.")
    straight = [x if x is None or x.stride(3) == 1 else x.contiguous() for x in tensors]
    places = [(0, 0, 0, 0) if x is None else (x.data_ptr(), *x.stride()[:3]) for x in straight]
    first = straight[0]
    assert first is not None
    sizes = (ctypes.c_int64 * 5)(*first.shape, SEGMENT)
    given = (ctypes.c_int64 * (4 * len(places)))(*(number for place in places for number in place))
    # What is too short would be read past its end; `expand` refuses it.
    decay = None if log_decay is None else log_decay.detach().to("cpu", torch.float64).clamp(min=FLOOR)
    decay = None if decay is None else decay.expand(first.shape[1]).contiguous()
    real = None if lengths is None else lengths.to("cpu", torch.int64).expand(first.shape[0]).contiguous()
    pointers = [None if x is None else x.data_ptr() for x in (decay, real, slope)]
    if library.linrec_run(sizes, given, *pointers, torch.get_num_threads()):
        raise MemoryError("no memory for the scratch of the compiled form of linrec.")


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


def elements(shape: torch.Size) -> tuple[int, int]:
    """Count the positions of all heads, and the features of one."""
    batch, heads, length, size = shape
    return batch * heads * length, size


@register_flop_formula(torch.ops.linrec.mix)
def operations(q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count two sweeps' products of a state and what is done to each feature, some two dozen."""
    positions, size = elements(q)
    return positions * (4 * size * size + 14 * size)


@register_flop_formula(torch.ops.linrec.mix_backward)
def backward_operations(grad: torch.Size, q: torch.Size, *more: Any, out_shape: Any = None, **rest: Any) -> int:
    """Count three sweeps, the features' preparation again, and their gradients."""
    positions, size = elements(q)
    return positions * (12 * size * size + 45 * size)
