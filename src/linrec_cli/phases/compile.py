"""What torch.compile costs: the first run of the layer, forward and backward, in a process and a cache of its own."""

import os
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Builder, Work

TITLE = "attention layer, first run under torch.compile"
HELP = "the layer's first run under torch.compile"
ORDER = 60
SLOPES = False

MISSING = ("InvalidCxxCompiler", "TritonMissing", "Failed to find C compiler")
"""Errors of torch, and of Triton, where there is nothing to compile with."""


def build(cell: "Cell") -> "Work":
    """Build the layer to be compiled: a span is its first run, forward and backward; a tiny run compiles a trifle."""
    import torch

    from linrec_cli.phases._layer import lowered, made
    from linrec_cli.profiling.work import Work, inputs

    layer = torch.compile(made(cell))
    x, lengths, gradient = inputs(cell, cell.batch, cell.maxlen)
    x.requires_grad_()

    def first() -> None:
        with lowered(cell):
            y = layer(x, lengths)
        y.backward(gradient.to(y.dtype))

    def trifle() -> None:
        number = torch.ones(64, device=cell.device, requires_grad=True)
        torch.compile(lambda x: x.sin() + 1)(number).sum().backward()

    return Work({"compile": first}, trifle, lambda: None, flushed=False)


def measure(cell: "Cell", build: "Builder", folder: str) -> Generator[Any, Any, None]:
    """Do the task of a compiling child; `folder`: an empty one for what is compiled.

    It answers `None` when the compiler is loaded, or why there is none; then the seconds, the kernel (`inductor`
    or, where torch.compile fell back, `eager` too) and a note that says why it did.
    """
    import torch._dynamo.utils
    import torch._inductor.config

    from linrec_cli import machine

    machine.prepare(cell.threads)
    # Compiling in this process, because how many others there are is no matter of the mechanism.
    torch._inductor.config.compile_threads = 1
    work = build(cell)
    yield lacking(work)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    torch._dynamo.utils.counters.clear()
    begin = time.perf_counter()
    for span in work.spans.values():
        attempt(span)
    if cell.device == "cuda":
        torch.cuda.synchronize()
    yield time.perf_counter() - begin, *ran(torch._dynamo.utils.counters)


def lacking(work: "Work") -> str | None:
    """Compile a trifle, so that loading the compiler is not counted; say so where there is none."""
    try:
        attempt(work.tiny)
    except RuntimeError as error:
        if any(name in str(error) for name in MISSING):
            return f"torch.compile finds nothing to compile with; install a compiler ({error})"
        raise
    return None


def attempt(span: Any) -> None:
    """Run what compiles; of what goes wrong keep the line that says what.

    Raises:
        RuntimeError: it went wrong.
    """
    try:
        span()
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from None


def ran(counters: Any) -> tuple[str, str]:
    """Name what ran, and say where torch.compile fell back, from torch's own counters."""
    breaks = counters["graph_break"]
    if not counters["stats"]["unique_graphs"]:
        return "eager", "fell back: nothing was compiled"
    if not breaks:
        return "inductor", ""
    reason = next(iter(breaks)).strip().splitlines()[0]
    return "eager,inductor", f"fell back in part, {sum(breaks.values())} graph breaks: {reason}"
