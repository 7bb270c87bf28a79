"""Timing children that take turns, so that whatever drifts hits all of them alike."""

import time
from dataclasses import dataclass, field

from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.clock import Sample
from linrec_cli.profiling.isolate import Answer, Child
from linrec_cli.profiling.nvml import Gpu, Reading
from linrec_cli.usage import Usage

TURNS = 5
WARM = 0.3
"""Share of the budget that the warm-up may take."""
GRACE = 5.0
"""Seconds beyond its budget that a cell is waited for: a busy machine is no reason to give it up."""
START = 120.0
"""Seconds a child may take until it has built its cell, first use of a GPU included."""


@dataclass
class Timed:
    """A cell with its timing child, its samples, and the seconds it has had.

    Attributes:
        used: what its turns took of the machine.
        readings: of the GPU, before the first turn and after each.
        joules: energy of a run, by span.
    """

    cell: Cell
    child: Child
    process: int
    samples: list[Sample] = field(default_factory=list)
    spent: float = 0.0
    used: Usage = field(default_factory=Usage)
    failed: Answer | None = None
    readings: list[Reading] = field(default_factory=list)
    joules: dict[str, float] = field(default_factory=dict)

    @property
    def contended(self) -> bool:
        """Tell whether others used the cores, over all its turns, or the GPU at any reading."""
        crowded = self.used.contended(self.cell.threads, waits=self.cell.device != "cpu")
        return crowded or any(reading.others for reading in self.readings)


def take_turns(taking: list[Timed], budget: float, gpu: Gpu | None) -> None:
    """Warm all up, then let them have their turns, there and back, so that who goes first changes."""
    for timed in taking:
        warm(timed, budget)
    for number in range(TURNS):
        for timed in taking[:: -1 if number % 2 else 1]:
            take(timed, budget, gpu)
    for timed in taking:
        if gpu and not timed.failed:
            timed.joules = timed.child.ask(None, budget + GRACE).content or {}


def warm(timed: Timed, budget: float) -> None:
    """Wait until a child has built its cell, then let it warm up."""
    answer = timed.child.answer(START)
    if answer.status == "ok":
        answer = ask(timed, WARM * budget, budget)
    timed.failed = None if answer.status == "ok" else answer


def take(timed: Timed, budget: float, gpu: Gpu | None = None) -> None:
    """Let a child have its turn, unless it has failed or has had its time."""
    if timed.failed or (timed.samples and timed.spent >= budget):
        return
    look(timed, gpu, first=True)
    answer = ask(timed, (1 - WARM) * budget / TURNS, budget)
    look(timed, gpu)
    if answer.status == "ok":
        samples, used = answer.content
        timed.samples, timed.used = timed.samples + samples, timed.used.plus(used)
    else:
        # What ends in a later turn has ended all the same: its first samples are not the whole story.
        timed.failed = answer


def look(timed: Timed, gpu: Gpu | None, first: bool = False) -> None:
    """Read the GPU; beside another process a time is not to be trusted."""
    if gpu and not (first and timed.readings):
        timed.readings.append(gpu.reading())


def ask(timed: Timed, seconds: float, budget: float) -> Answer:
    """Ask a child to run for some seconds, and count how long it took."""
    begin = time.perf_counter()
    answer = timed.child.ask(seconds, seconds + budget + GRACE)
    timed.spent += time.perf_counter() - begin
    return answer


def share(cap: int, needs: list[float]) -> list[int]:
    """Divide a cap: to each what it needs, and an equal part of the rest."""
    rest = (cap - sum(needs)) / len(needs)
    return [max(1, int(need + rest)) for need in needs]
