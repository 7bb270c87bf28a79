"""Cells with known costs; a module of its own, because children import it by name."""

import os
import signal
import time

import torch

from linrec_cli.profiling.build import Work
from linrec_cli.profiling.cell import Cell

MIB = 2**20
SLEEP = 0.03
RUNS = 8
"""More than a memory child needs, and fewer than a timing child does before its first turn."""
LATER = 20
"""More than a timing child of one second runs `sleep` before its second turn, and fewer than in all."""


def nothing() -> None:
    pass


def sleep() -> None:
    time.sleep(SLEEP)


def work(span, phase):
    spans = {"forward": span, "backward": sleep} if phase == "attention" else {phase: span}
    return Work(spans, tiny=nothing, bare=nothing, flushed=False)


def take(mebibytes: int) -> None:
    torch.ones(mebibytes * MIB, dtype=torch.uint8)


def holes() -> None:
    """Free every other one of many blocks, then take as much again: one that keeps them shows more."""
    blocks = [torch.ones(MIB, dtype=torch.uint8) for _ in range(32)]
    del blocks[::2]
    blocks.append(torch.ones(16 * MIB, dtype=torch.uint8))


def hold() -> None:
    """Take a little while, and what a counter can tell."""
    take(8)
    sleep()


def hang() -> None:
    time.sleep(600)


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    os.write(2, b"first line\nlibplanted: no more threads\n")
    os._exit(7)


def fail() -> None:
    raise ValueError("first line\nthe planted mistake")


def long_only(cell: Cell):
    return lambda: take(400) if cell.maxlen >= 64 else None


def slow(cell: Cell):
    return lambda: time.sleep(cell.maxlen / 1000)


def keep(cell: Cell):
    """Make as many numbers as the length in thousands, each by one operation, and keep them for the backward pass."""
    x = torch.ones(1000 * cell.maxlen, requires_grad=True)
    return lambda: x.exp()


def after(runs: int, span, ends):
    """Make a span that goes well for some runs in a process, and ends in another way after them."""
    left = [runs]

    def run() -> None:
        left[0] -= 1
        span() if left[0] >= 0 else ends()

    return run


def hoard():
    """Make a span that holds on to 10 MiB more at each run."""
    held: list[torch.Tensor] = []
    return lambda: held.append(torch.ones(10 * MIB, dtype=torch.uint8))


BUILT = {
    "sleep": lambda cell: sleep,
    "take": lambda cell: lambda: take(cell.maxlen),
    "holes": lambda cell: holes,
    "hang": lambda cell: hang,
    "die": lambda cell: die,
    "leave": lambda cell: leave,
    "fail": lambda cell: fail,
    "long": long_only,
    "slow": slow,
    "square": lambda cell: lambda: take(cell.maxlen**2 // 64),
    "keep": keep,
    "late-hang": lambda cell: after(RUNS, hold, hang),
    "late-die": lambda cell: after(RUNS, hold, die),
    "second-die": lambda cell: after(1, hold, die),
    "later-die": lambda cell: after(LATER, hold, die),
    "hoard": lambda cell: hoard(),
}


def build(cell: Cell) -> Work:
    return work(BUILT[cell.attn](cell), cell.phase)
