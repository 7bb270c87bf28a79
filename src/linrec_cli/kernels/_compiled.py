"""What the compiled forms of LinRec share: which form is taken, what they can take, and the call of the library."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from linrec_cli.kernels._library import load

FORMS = ("auto", "compiled", "plain", "triton")
WIDEST = 128
"""Features of a head up to which a state fits the first-level cache with room to spare."""
FLOOR = -1000.0
"""Least log-decay: its exponential is zero."""

_forced = "auto"


@contextmanager
def force(form: str) -> Iterator[None]:
    """Let LinRec take one of `FORMS` within the context; `compiled` and `triton` are errors where they can't run."""
    global _forced
    if form not in FORMS:
        raise ValueError(f"no form '{form}'; known: {', '.join(FORMS)}.")
    before, _forced = _forced, form
    try:
        yield
    finally:
        _forced = before


def forced() -> str:
    """Give the form that is forced, or `auto`."""
    return _forced


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Tell whether a compiled form is to run.

    Raises:
        RuntimeError: it is forced, and there is an obstacle.
    """
    why = "plain is forced" if _forced == "plain" else obstacle(q, k, v)
    if why and _forced == "compiled":
        raise RuntimeError(f"the compiled form of linrec can't run: {why}.")
    return not why


def obstacle(q: Tensor, k: Tensor, v: Tensor) -> str:
    """Say why a compiled form can't take these, or nothing."""
    if any(x.device.type != "cpu" or x.dtype != torch.float32 for x in (q, k, v)):
        return "it takes float32 on a CPU"
    if q.shape[3] > WIDEST or not q.shape == k.shape == v.shape:
        return f"it takes heads of one width, up to {WIDEST}"
    if exporting():
        return "what is exported runs without linrec"
    return missing()


def exporting() -> bool:
    """Tell whether torch.export traces; torch 2.11 says so of torch.compile too."""
    return torch.compiler.is_exporting() and not torch.compiler.is_dynamo_compiling()


# What is loaded once, torch.compile need not trace, which would break the graph there.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def missing() -> str:
    """Say why there is no library, or nothing."""
    return load()[1]


def run(
    *tensors: Tensor | None,
    segment: int,
    lengths: Tensor | None,
    log_decay: Tensor | None = None,
    slope: Tensor | None = None,
) -> None:
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
    sizes = (ctypes.c_int64 * 5)(*first.shape, segment)
    given = (ctypes.c_int64 * (4 * len(places)))(*(number for place in places for number in place))
    # What is too short would be read past its end; `expand` refuses it.
    decay = None if log_decay is None else log_decay.detach().to("cpu", torch.float64).clamp(min=FLOOR)
    decay = None if decay is None else decay.expand(first.shape[1]).contiguous()
    real = None if lengths is None else lengths.to("cpu", torch.int64).expand(first.shape[0]).contiguous()
    pointers = [None if x is None else x.data_ptr() for x in (decay, real, slope)]
    if library.linrec_run(sizes, given, *pointers, torch.get_num_threads()):
        raise MemoryError("no memory for the scratch of the compiled form of linrec.")


def output(like: Tensor) -> Tensor:
    """Make mixed values, `[B, H, T, D]`, in the order in memory that the output projection wants."""
    batch, heads, length, size = like.shape
    return like.new_empty(batch, length, heads, size).transpose(1, 2)


def gradients(like: Tensor) -> Tensor:
    """Make gradients in one piece, `[B, T, 3, H, D]`, as projections to queries, keys and values want them."""
    batch, heads, length, size = like.shape
    return like.new_empty(batch, length, 3, heads, size)


def elements(shape: torch.Size) -> tuple[int, int]:
    """Count the positions of all heads, and the features of one."""
    batch, heads, length, size = shape
    return batch * heads * length, size
