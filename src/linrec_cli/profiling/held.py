"""Time on a GPU that is held back until all launches of a span are queued, so that none of them is timed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from linrec_cli.profiling.clock import Sample, Stopwatch

if TYPE_CHECKING:
    from linrec_cli.profiling.work import Spans

CYCLES = 3e9
"""Cycles a second, more than a GPU's clock has: it is held back for as long as it should be, or longer."""
MARGIN = 2.0
"""How many times as long as its launches took a span is held back at first."""
LONGER = 4.0
"""How many times as long it is held back at the next try."""
LONGEST = 0.1
"""Seconds that a span is held back at most: more launches than these take do not fit in a GPU's queue."""


def stopwatch(spans: "Spans", scratch: Any) -> Stopwatch:
    """Make a clock of CUDA events, and of the wall; writing `scratch`, larger than L2, empties the cache.

    A sample runs the spans as they are, for what the host waits and what launching takes, then held back. Where a span
    began before it was all queued, they are run again and it is held back for longer. One that cannot be held back,
    since it waits for the GPU or takes too long to launch, is not tried again in later samples, and is among the
    `late` of each in which it began too soon.
    """
    import torch

    pairs = {name: (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for name in spans}
    late: set[str] = set()
    # What is loaded and compiled now would pass for launches.
    for span in spans.values():
        span()

    def watch() -> Sample:
        nonlocal late
        told = {name: free(span, scratch) for name, span in spans.items()}
        holds = {name: MARGIN * launched for name, (launched, _) in told.items()}
        hopeless = late
        while True:
            late = {name for name, span in spans.items() if not held(span, pairs[name], scratch, holds[name])}
            again = {name for name in late - hopeless if holds[name] < LONGEST}
            if not again:
                break
            holds |= {name: LONGER * holds[name] for name in again}
        torch.cuda.synchronize()
        seconds = {name: start.elapsed_time(end) / 1000 for name, (start, end) in pairs.items()}
        return Sample(seconds, {name: waited for name, (_, waited) in told.items()}, frozenset(late))

    return watch


def free(span: Callable[[], object], scratch: Any) -> tuple[float, float]:
    """Run a span as it is; give the seconds until it was launched, and until it was done."""
    import torch

    if scratch.numel():
        scratch.zero_()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    span()
    launched = time.perf_counter() - begin
    torch.cuda.synchronize()
    return launched, time.perf_counter() - begin


def held(span: Callable[[], object], pair: tuple[Any, Any], scratch: Any, seconds: float) -> bool:
    """Run a span between two events, the GPU held back before; tell whether all was queued before it began."""
    import torch

    start, end = pair
    torch.cuda.synchronize()
    if scratch.numel():
        scratch.zero_()
    torch.cuda._sleep(int(CYCLES * min(seconds, LONGEST)))
    start.record()
    span()
    end.record()
    return not start.query()
