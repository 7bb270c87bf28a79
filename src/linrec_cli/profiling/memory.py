"""Peak memory of a cell, its kernel and its work, in a fresh process that is never timed."""

import ctypes
import gc
import platform
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.errors import NothingMeasuredError

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Builder, Spans, Work

Peaks = dict[str, dict[str, float]]
"""Bytes: span, then which counter (`rss`; `allocated`, `reserved`, `device`)."""

PROC = Path("/proc/self")
MAPPED = 2**16
"""Bytes from which on a block gets a mapping of its own, which goes back when it is freed."""
RESOLUTION = {"rss": 2 * 2**20}
"""Bytes that a counter finds where there is nothing to find: pages come in as code runs."""
SMALL = 2**13
"""Bytes of the smallest holes in the heap that are filled."""


def measure(cell: "Cell", build: "Builder") -> Generator[Any, Any, None]:
    """Do the task of a memory child.

    It answers `None` when it is built, then the peaks and the bytes that a process needs in all to run the
    cell, then the kernels that ran and the spans that gave what is not finite, then the count of what it did, by span.
    """
    from linrec_cli import machine
    from linrec_cli.profiling import kernel
    from linrec_cli.profiling.tally import tally

    machine.prepare(cell.threads)
    # After it: here blocks are not kept.
    give_back()
    start = status()["VmRSS"]
    work = build(cell)
    work.tiny()
    gc.collect()
    yield None
    work.bare()
    resident = status()["VmRSS"] - start if cell.device == "cpu" else 0
    found = peaks(work, cell.device)
    yield found, resident + max(max(counters.values()) for counters in found.values())
    spans, strange = looked_at(work.spans)
    yield kernel.names(spans, cell.what.ways), strange
    yield {name: replace(tally(span), state_bytes=work.state.get(name, 0)) for name, span in work.spans.items()}


def looked_at(spans: "Spans") -> tuple["Spans", list[str]]:
    """Look at the tensors that spans give: the names of those of which one is not finite come into a list."""
    import torch

    strange: list[str] = []

    def run(name: str, span: Callable[[], object]) -> None:
        found = span()
        if isinstance(found, torch.Tensor) and not found.isfinite().all():
            strange.append(name)

    return {name: partial(run, name, span) for name, span in spans.items()}, strange


def baseline() -> dict[str, int]:
    """Give back what is free, set the high-water mark back, and read the counters."""
    gc.collect()
    trim()
    if glibc():
        fill(ctypes.CDLL(None))
    trim()
    reset()
    return status()


def trim() -> None:
    """Give back to the kernel what the allocator keeps free."""
    if glibc():
        ctypes.CDLL(None).malloc_trim(0)


def fill(libc: ctypes.CDLL) -> None:
    """Fill the holes of the heap, without touching more than a page of each.

    A tensor that fits in a hole is put there, and what the hole took stays when the tensor goes: a later peak holds
    it too. What holes there are differs from process to process.
    """
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes, libc.free.argtypes, libc.sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_void_p], [ctypes.c_long]
    for size in (MAPPED - 64, SMALL):
        end, block = libc.sbrk(0), libc.malloc(size)
        # Where no hole is left the heap grows, or the block comes from beyond it.
        while block and block < end == libc.sbrk(0):
            block = libc.malloc(size)
        libc.free(block)


def above(before: dict[str, int]) -> int:
    """Read the high-water mark of resident memory above a baseline, in bytes, without the pages of files.

    The mark counts pages of libraries, which come in as code first runs and are no cost of the mechanism.
    """
    return max(0, high_water() - before["VmRSS"] - (status()["RssFile"] - before["RssFile"]))


def give_back() -> None:
    """Make glibc return every freed block to the kernel at once.

    `machine.prepare` has it keep them, and by default it keeps some: then the high-water mark holds holes
    that nobody uses, and a block that fits in one is not seen. With every tensor a mapping of its own, the
    mark is what was alive at once. One arena, so that threads leave no holes in arenas of their own.
    """
    if glibc():
        mallopt = ctypes.CDLL(None).mallopt
        m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8
        mallopt(m_mmap_threshold, MAPPED)
        mallopt(m_trim_threshold, MAPPED)
        mallopt(m_arena_max, 1)


def glibc() -> bool:
    """Tell whether the allocator is glibc's."""
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"


def peaks(work: "Work", device: str) -> Peaks:
    """Run the spans in turn and read the peak of each above weights, optimiser and inputs.

    A tiny run goes between: a step of training starts with the gradients of the step before it.

    Raises:
        NothingMeasuredError: this kind of device has no counter of peaks.
    """
    if device not in ("cpu", "cuda"):
        raise NothingMeasuredError(f"torch counts no peaks of memory on {device}.")
    return on_cuda(work) if device == "cuda" else on_cpu(work)


def on_cpu(work: "Work") -> Peaks:
    """Read the peak of each span above what stands before the first; 0, which is none, where that cannot be told.

    Where the mark cannot be set back, it is that of the spans before, too.
    """
    before, found = baseline(), dict[str, dict[str, float]]()
    work.tiny()
    for name, span in work.spans.items():
        own = reset() or not found
        span()
        found[name] = {"rss": float(above(before)) if own else 0.0}
    return found


def on_cuda(work: "Work") -> Peaks:
    """Read what tensors took above the start, what torch's allocator holds, what the driver has given out.

    `reserved` and `device` are what must fit: weights, optimiser and inputs too, but not the context.
    """
    import torch

    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before, found = torch.cuda.memory_allocated(), {}
    # What is free now, plus what torch holds, was free when only the context was there.
    free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()
    work.tiny()
    for name, span in work.spans.items():
        torch.cuda.reset_peak_memory_stats()
        span()
        torch.cuda.synchronize()
        found[name] = {
            "allocated": float(torch.cuda.max_memory_allocated() - before),
            "reserved": float(torch.cuda.max_memory_reserved()),
            "device": float(free - torch.cuda.mem_get_info()[0]),
        }
    return found


def status() -> dict[str, int]:
    """Read this process's memory counters, in bytes; only `VmRSS` where there is no /proc."""
    if not (PROC / "status").is_file():
        import psutil

        return {"VmRSS": psutil.Process().memory_info().rss, "RssFile": 0, "VmData": 0}
    pairs = (line.split(":", 1) for line in (PROC / "status").read_text().splitlines())
    return {name: int(value.split()[0]) * 1024 for name, value in pairs if value.endswith("kB")}


def reset() -> bool:
    """Set the high-water mark back to what is resident now; tell whether the kernel lets us."""
    try:
        (PROC / "clear_refs").write_text("5")
    except OSError:
        # The mark then is that of the whole process: still the peak, as long as the start was lower.
        return False
    return True


def high_water() -> int:
    """Read the high-water mark of resident memory, in bytes."""
    mark = status().get("VmHWM")
    if mark is not None:
        return mark
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
