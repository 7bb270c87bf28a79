"""Cells with known costs; a module of its own, because children import it by name."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from linrec_cli.profiling.build import Work
from linrec_cli.profiling.cell import Cell

MIB = 2**20
SLEEP = 0.03
RUNS = 3
"""As many as a memory child needs, and fewer than a timing child does."""

Span = Callable[[], object]


def nothing() -> None:
    pass


def sleep() -> None:
    time.sleep(SLEEP)


def work(span: Span, phase: str) -> Work:
    spans = {"forward": span, "backward": hold} if phase == "attention" else {phase: span}
    return Work(spans, tiny=nothing, bare=nothing, flushed=False)


def take(mebibytes: int) -> None:
    torch.ones(mebibytes * MIB, dtype=torch.uint8)


def hold() -> None:
    """Take a little while, and what a counter can tell."""
    take(8)
    sleep()


def holes() -> None:
    """Free every other one of many blocks, then take as much again: one that keeps them shows more."""
    blocks = [torch.ones(MIB, dtype=torch.uint8) for _ in range(32)]
    del blocks[::2]
    blocks.append(torch.ones(16 * MIB, dtype=torch.uint8))


def hang() -> None:
    time.sleep(600)


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    os.write(2, b"first line\nlibplanted: no more threads\n")
    os._exit(7)


def fail() -> None:
    raise ValueError("first line\nthe planted mistake")


def long_only(cell: Cell) -> Span:
    return lambda: take(400) if cell.maxlen >= 64 else None


def slow(cell: Cell) -> Span:
    return lambda: time.sleep(cell.maxlen / 1000)


def crowd(cell: Cell) -> Span:
    """Take 8 MiB and 30 ms for each thread that torch has here."""

    def run() -> None:
        take(8 * torch.get_num_threads())
        time.sleep(0.03 * torch.get_num_threads())

    return run


def keep(cell: Cell) -> Span:
    """Make as many numbers as the length in thousands, each by one operation, and keep them for the backward pass."""
    x = torch.ones(1000 * cell.maxlen, requires_grad=True)
    return lambda: x.exp()


def fused(backend: SDPBackend) -> Callable[[Cell], Span]:
    """Run torch's attention by one of its kernels."""

    def made(cell: Cell) -> Span:
        q = torch.randn(1, 1, cell.maxlen, 16)

        def run() -> None:
            with sdpa_kernel(backend):
                scaled_dot_product_attention(q, q, q, is_causal=True)

        return run

    return made


def after(runs: int, span: Span, ends: Span) -> Span:
    """Make a span that goes well for some runs in a process, and ends in another way after them."""
    left = [runs]

    def run() -> None:
        left[0] -= 1
        span() if left[0] >= 0 else ends()

    return run


def hoard() -> Span:
    """Make a span that holds on to 10 MiB more at each run."""
    held: list[torch.Tensor] = []
    return lambda: held.append(torch.ones(10 * MIB, dtype=torch.uint8))


BUILT: dict[str, Callable[[Cell], Any]] = {
    "sleep": lambda cell: sleep,
    "take": lambda cell: lambda: take(cell.maxlen),
    "holes": lambda cell: holes,
    "hang": lambda cell: hang,
    "die": lambda cell: die,
    "leave": lambda cell: leave,
    "fail": lambda cell: fail,
    "long": long_only,
    "slow": slow,
    "crowd": crowd,
    "square": lambda cell: lambda: take(cell.maxlen**2 // 64),
    "keep": keep,
    "flash": fused(SDPBackend.FLASH_ATTENTION),
    "math": fused(SDPBackend.MATH),
    "late-die": lambda cell: after(RUNS, hold, die),
    "second-die": lambda cell: after(1, hold, die),
    "hoard": lambda cell: hoard(),
    "nan": lambda cell: lambda: torch.tensor([1.0, float("nan")]),
    "inf": lambda cell: lambda: torch.tensor([1.0, float("inf")]),
}


def build(cell: Cell) -> Work:
    return work(BUILT[cell.attn](cell), cell.phase)
