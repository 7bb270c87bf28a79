"""Joules a run: the GPU's own counter, read before and after runs that follow each other."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Spans

SECONDS = 1.0
"""How long it is run: the counter moves some ten times a second."""


def measured(cell: "Cell", spans: "Spans") -> dict[str, float]:
    """Measure each way of a cell, or all its parts as one; nothing where a span of another phase was asked for."""
    import torch

    from linrec_cli.profiling import nvml

    gpu = nvml.opened(cell.device)
    if gpu is None or cell.what.part_of or gpu.joules() is None:
        return {}
    whole = {name: [span] for name, span in spans.items()} if cell.what.ways else {cell.phase: [*spans.values()]}
    counter, done = (lambda: gpu.joules() or 0.0), torch.cuda.synchronize
    return {name: joules(run, counter, done, SECONDS) for name, run in whole.items()}


def joules(
    run: list[Callable[[], object]],
    counter: Callable[[], float],
    done: Callable[[], object],
    seconds: float,
) -> float:
    """Divide the energy of some seconds by the runs in them; it holds what the GPU takes when idle."""
    done()
    before, runs, end = counter(), 0, time.perf_counter() + seconds
    while not runs or time.perf_counter() < end:
        for span in run:
            span()
        # Waited for, or the queue would go on filling after the time is over.
        done()
        runs += 1
    return (counter() - before) / runs
