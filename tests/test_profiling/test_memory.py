"""The peak of resident memory holds what was alive at once, and nothing that a heap kept."""

import ctypes

import pytest
import torch

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.profiling import isolate, memory
from linrec_cli.profiling.cell import cells
from linrec_cli.profiling.work import Work
from linrec_cli.settings import Profile

KIB, MIB = 2**10, 2**20


def holed(filled):
    """Leave 40 holes of 100 KiB in the heap, use each for a block that is freed again, then hold 10 MiB."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )

    def block(size):
        start = libc.malloc(size)
        ctypes.memset(start, 1, size)
        return start

    blocks = [block(100 * KIB) for _ in range(80)]
    memory.give_back()
    for start in blocks[::2]:
        libc.free(start)
    if not filled:
        memory.fill = lambda libc: None
    before = memory.baseline()
    for start in [block(90 * KIB) for _ in range(40)]:
        libc.free(start)
    block(10 * MIB)
    yield memory.above(before)


@pytest.mark.skipif(not memory.glibc(), reason="holes are those of glibc's heap")
def test_what_a_hole_of_the_heap_keeps_is_no_part_of_a_later_peak():
    kept, alive = (isolate.Child(holed, filled).answer(60).content / MIB for filled in (False, True))
    assert kept == pytest.approx(10 + 40 * 90 * KIB / MIB, abs=0.5)
    assert alive == pytest.approx(10, abs=0.5)


def test_a_gpu_s_peaks_are_those_of_each_span_above_what_was_there(monkeypatch):
    """Tensors above the start; what the allocator holds; what the driver has given out, but for the context."""
    now = {"allocated": 10, "peak": 99, "reserved": 20, "free": 70}

    def run(peak, reserved, free):
        return lambda: now.update(peak=peak, reserved=reserved, free=free)

    cuda = torch.cuda
    monkeypatch.setattr(cuda, "synchronize", lambda: None)
    monkeypatch.setattr(cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(cuda, "memory_allocated", lambda: now["allocated"])
    monkeypatch.setattr(cuda, "memory_reserved", lambda: now["reserved"])
    monkeypatch.setattr(cuda, "mem_get_info", lambda: (now["free"], 100))
    monkeypatch.setattr(cuda, "reset_peak_memory_stats", lambda: now.update(peak=now["allocated"]))
    monkeypatch.setattr(cuda, "max_memory_allocated", lambda: now["peak"])
    monkeypatch.setattr(cuda, "max_memory_reserved", lambda: now["reserved"])
    spans = {"forward": run(15, 30, 60), "nothing": lambda: None}
    found = memory.peaks(Work(spans, lambda: None, lambda: None, flushed=False), "cuda")
    assert found["forward"] == {"allocated": 5.0, "reserved": 30.0, "device": 30.0}
    assert found["nothing"]["allocated"] == 0.0


def test_where_the_mark_cannot_be_set_back_only_the_first_peak_is_known(monkeypatch):
    monkeypatch.setattr(memory, "baseline", dict)
    monkeypatch.setattr(memory, "above", lambda before: 7)
    for told, second in ((True, 7.0), (False, 0.0)):
        monkeypatch.setattr(memory, "reset", lambda told=told: told)
        spans = {"forward": lambda: None, "backward": lambda: None}
        found = memory.peaks(Work(spans, lambda: None, lambda: None, flushed=False), "cpu")
        assert found == {"forward": {"rss": 7.0}, "backward": {"rss": second}}


def test_a_device_without_a_counter_says_so():
    with pytest.raises(NothingMeasuredError, match="no peaks of memory on mps"):
        memory.peaks(Work({}, lambda: None, lambda: None, flushed=False), "mps")


def test_memory_is_that_of_the_kernels_that_are_timed(monkeypatch):
    (cell,) = next(cells(Profile(attn=("linear",), maxlen=(8,), phase=("forward",), threads=1)))
    monkeypatch.setattr(memory, "give_back", lambda: None)
    torch.backends.cuda.enable_cudnn_sdp(True)
    left_out = []

    def build(cell):
        left_out.append(not torch.backends.cuda.cudnn_sdp_enabled())
        return Work({}, lambda: None, lambda: None, flushed=False)

    next(memory.measure(cell, build))
    assert left_out == [True]
