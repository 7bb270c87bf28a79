"""The machine's two ceilings: how fast it copies, and how fast it multiplies matrices."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

COPIED = {"cpu": 2**28, "cuda": 2**30, "mps": 2**28}
"""Bytes of what is copied, more than any cache holds."""
SIDE = {"cpu": 2048, "cuda": 8192, "mps": 4096}
"""Rows and columns of the matrices."""


@dataclass(frozen=True)
class Ceiling:
    """The most that was reached: bytes a second, read and written, and operations a second."""

    bytes: float
    operations: float

    def seconds(self, operations: float, size: float) -> float:
        """Compute the least time for some work, by the ceiling that is the lower one at its operations a byte."""
        return max(operations / self.operations, size / self.bytes)


def measure(device: str, dtype: str, threads: int, seconds: float) -> Generator[Any, Any, None]:
    """Do the task of a child: answer `None` when it is built, then the samples, operations or bytes a second."""
    import torch

    from linrec_cli import machine
    from linrec_cli.profiling import clock

    machine.prepare(threads)
    kind, side = getattr(torch, dtype), SIDE[device]
    source = torch.ones(COPIED[device] // kind.itemsize, dtype=kind, device=device)
    target, matrix = torch.empty_like(source), torch.randn(side, side, device=device).to(kind)
    product = torch.empty_like(matrix)
    spans: dict[str, Callable[[], object]] = {
        "copy": lambda: target.copy_(source),
        "matmul": lambda: torch.mm(matrix, matrix, out=product),
    }
    work = {"copy": 2 * COPIED[device], "matmul": 2 * side**3}
    yield None
    watch = clock.stopwatch(spans, device, flushed=False)
    clock.settle(watch, seconds / 2, clock.WARM.get(device, 0.0))
    samples = clock.turn(watch, seconds / 2)
    yield {name: [work[name] / sample.seconds[name] for sample in samples] for name in spans}
