"""Cells with known costs; a module of its own, because children import it by name."""

import os
import signal
import time

import torch

from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work

MIB = 2**20
SLEEP = 0.03


def nothing() -> None:
    pass


def sleep() -> None:
    time.sleep(SLEEP)


def work(span, phase):
    spans = {"forward": span, "backward": sleep} if phase == "attention" else {phase: span}
    return Work(spans, tiny=nothing, bare=nothing, kernels=False)


def take(mebibytes: int) -> None:
    torch.ones(mebibytes * MIB, dtype=torch.uint8)


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


def long_only(cell: Cell):
    return lambda: take(400) if cell.maxlen >= 64 else None


BUILT = {
    "sleep": lambda cell: sleep,
    "take": lambda cell: lambda: take(cell.maxlen),
    "holes": lambda cell: holes,
    "hang": lambda cell: hang,
    "die": lambda cell: die,
    "leave": lambda cell: leave,
    "fail": lambda cell: fail,
    "long": long_only,
}


def build(cell: Cell) -> Work:
    return work(BUILT[cell.attn](cell), cell.phase)
