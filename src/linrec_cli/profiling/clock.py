"""Time of a cell: a child that stays alive, warms up, and takes samples when it is its turn."""

import statistics
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Builder, Spans


@dataclass(frozen=True)
class Sample:
    """What a run of every span took, by span.

    Attributes:
        seconds: of the device.
        wall: seconds from the call until the device was done, where these are others: on a GPU.
        late: spans that a GPU began before they were all queued, so that their seconds have launches in them.
    """

    seconds: Mapping[str, float]
    wall: Mapping[str, float] = field(default_factory=dict)
    late: frozenset[str] = frozenset()


Stopwatch = Callable[[], Sample]
"""Runs every span and says what each took."""

TURN = 20
"""Samples a turn, at most."""
AGREE = 0.05
"""Two successive medians of the warm-up are the same within this."""
WARM = {"cuda": 0.5}
"""Seconds that a warm-up takes at least, by device: the clock of an idle GPU is a fraction of a busy one's."""
QUICK = 0.02
"""Below these seconds a run is so short that the other mechanisms' turn, before it, shows in it."""


def measure(cell: "Cell", build: "Builder") -> Generator[Any, float | None, None]:
    """Do the task of a timing child: build; warm up for at most the seconds sent; then a turn a message.

    A turn's answer is its samples and what the turn took of the machine. A message of `None` asks for the energy, after
    the last turn.
    """
    from linrec_cli import machine, usage
    from linrec_cli.profiling import energy

    machine.prepare(cell.threads)
    work = build(cell)
    watch = stopwatch(work.spans, cell.device, flushed=work.flushed, ways=cell.what.ways)
    settle(watch, (yield None) or 0.0, WARM.get(cell.device, 0.0))
    seconds = yield None
    while True:
        if seconds is None:
            seconds = yield energy.measured(cell, work.spans)
            continue
        begin = usage.read()
        samples = turn(watch, seconds)
        seconds = yield samples, usage.read().since(begin)


def settle(watch: Stopwatch, seconds: float, least: float = 0.0) -> None:
    """Run until two successive medians agree or the time is over, and for `least` seconds at least."""
    begin, last = time.perf_counter(), 0.0
    end, enough = begin + max(seconds, least), begin + least
    watch()
    while time.perf_counter() < end:
        # What is slow may use the time up within a batch.
        batch = (sum(watch().seconds.values()) for _ in range(5) if time.perf_counter() < end)
        median = statistics.median([*batch] or [last])
        if abs(median - last) <= AGREE * median and time.perf_counter() >= enough:
            return
        last = median


def turn(watch: Stopwatch, seconds: float) -> list[Sample]:
    """Take samples until the turn's are full or its time is over; at least one."""
    end = time.perf_counter() + seconds
    samples = [watch()]
    while len(samples) <= TURN and time.perf_counter() < end:
        samples.append(watch())
    # The first ran on caches that another process had filled.
    quick = sum(samples[0].seconds.values()) < QUICK
    return samples[1:] if quick and len(samples) > 1 else samples[:TURN]


def stopwatch(spans: "Spans", device: str, flushed: bool, ways: bool = False) -> Stopwatch:
    """Make the clock of a device.

    Args:
        flushed: the GPU's L2 cache is emptied before each span, untimed.
        ways: spans are ways to do the same: elsewhere than on a GPU a quick one first runs untimed, or it would find
            what another way left in the caches.
    """
    import torch

    from linrec_cli.profiling import held

    if device == "cuda":
        size = torch.cuda.get_device_properties().L2_cache_size if flushed else 0
        return held.stopwatch(spans, torch.empty(2 * size, dtype=torch.int8, device=device))
    done = torch.mps.synchronize if device == "mps" else lambda: None
    quick = dict.fromkeys(spans, ways)

    def watch() -> Sample:
        found: dict[str, float] = {}
        for name, span in spans.items():
            if quick[name]:
                span()
            found[name] = wall(span, done)
            quick[name] = ways and found[name] < QUICK
        return Sample(found)

    return watch


def wall(span: Callable[[], object], done: Callable[[], None]) -> float:
    """Time a span by the wall clock, up to when the device is `done`."""
    done()
    start = time.perf_counter()
    span()
    done()
    return time.perf_counter() - start


def quantiles(samples: list[float]) -> tuple[float, float, float]:
    """Compute the 20 % quantile, the median and the 80 % quantile."""
    import numpy as np

    low, middle, high = np.quantile(samples, (0.2, 0.5, 0.8))
    return float(low), float(middle), float(high)
