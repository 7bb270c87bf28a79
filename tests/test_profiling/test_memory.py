"""The peak of resident memory holds what was alive at once, and nothing that a heap kept."""

import ctypes

import pytest

from linrec_cli.profiling import isolate, memory

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
