"""The sweep: memory in a fresh process a cell, then time with the mechanisms taking turns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from linrec_cli.profiling import clock, memory, room
from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.profiling.isolate import Answer, Child
from linrec_cli.settings import Profile

Row = dict[str, Any]
Builder = Any
"""Makes the work of a cell; a function of a module that a child can import."""

Known = tuple[Cell, float, str | None]
"""A cell, the bytes it needs, its kernel."""

TURNS = 5
WARM = 0.3
"""Share of the budget that the warm-up may take."""
KEPT = 2.0
"""How much more a timing child may hold than was alive at once: like training, it keeps what it frees."""
GRACE = 5.0
"""Seconds beyond its budget that a cell is waited for: a busy machine is no reason to give it up."""
CROWDED = 20
"""Times a second and thread that a process was put aside: above, others were using its cores."""
START = 120.0
"""Seconds a child may take until it has built its cell, first use of a GPU included."""


@dataclass
class Sweep:
    """What a sweep remembers between its cells.

    Attributes:
        force: try a length although a shorter one of the same mechanism failed.
        cap: bytes all children may take together; 0 where running out is the device's own affair.
        ended: for each mechanism and phase, why its longer lengths are skipped.
        processes: processes started so far; each has its number in the rows.
    """

    settings: Profile
    build: Builder
    cap: int
    force: bool = False
    ended: dict[tuple[str, str], str] = field(default_factory=dict)
    processes: int = 0


@dataclass
class Timed:
    """A cell with its timing child, its samples, and the seconds it has had."""

    cell: Cell
    kernel: str | None
    child: Child
    process: int
    samples: list[dict[str, float]] = field(default_factory=list)
    spent: float = 0.0
    contended: bool = False
    failed: Answer | None = None


def run(settings: Profile, build: Builder, cap: int | None = None, force: bool = False) -> Iterator[list[Row]]:
    """Measure every cell; yield the rows of each as soon as they are there: its memory, then its time.

    A cell that cannot be measured is a row that says why; its mechanism's longer lengths then are `skipped`.
    """
    free = room.bytes_free(settings.device) if cap is None else cap
    sweep = Sweep(settings, build, free, force)
    for turn_takers in cells(settings):
        known = []
        for cell in turn_takers:
            rows, need, kernel = peak(sweep, cell)
            yield rows
            if need is None:
                yield failed(cell, "seconds", rows[0]["status"], rows[0]["note"])
            else:
                known.append((cell, KEPT * need, kernel))
        for group in fitting(known, free):
            yield from times(sweep, group)


def start(sweep: Sweep, task: Any, cell: Cell, cap: int) -> Child:
    """Start a child on its task; a GPU's memory has its own end, so only the CPU's is capped."""
    sweep.processes += 1
    return Child(task, cell, sweep.build, cap=cap if cell.device == "cpu" else 0)


def peak(sweep: Sweep, cell: Cell) -> tuple[list[Row], float | None, str | None]:
    """Measure a cell's memory; return its rows, the bytes it needs in all (`None`: failed) and its kernel."""
    if (cell.attn, cell.phase) in sweep.ended and not sweep.force:
        return failed(cell, "peak_bytes", "skipped", sweep.ended[cell.attn, cell.phase]), None, None
    child = start(sweep, memory.measure, cell, sweep.cap)
    try:
        answer = child.answer(START)
        if answer.status == "ok":
            answer = child.ask(None, sweep.settings.budget + GRACE)
        if answer.status != "ok":
            end(sweep, cell, answer)
            return failed(cell, "peak_bytes", answer.status, answer.note), None, None
        peaks, need = answer.content
        kernel = child.ask(None, 2 * sweep.settings.budget + GRACE).content
    finally:
        child.stop()
    shared = cell.labels | {"status": "ok", "metric": "peak_bytes", "unit": "B", "kernel": kernel}
    shared["process"] = sweep.processes
    return [shared | row for row in bytes_rows(peaks)], need, kernel


def bytes_rows(peaks: memory.Peaks) -> Iterator[Row]:
    """Write peaks as rows, the whole layer's (the higher of its two) included; `stage` names the counter."""
    if {"forward", "backward"} <= peaks.keys():
        both = {name: max(found[name] for found in peaks.values()) for name in peaks["forward"]}
        peaks = peaks | {"attention": both}
    for phase, counters in peaks.items():
        for counter, value in counters.items():
            yield {"phase": phase, "stage": counter, "value": value, "samples": [value]}


def fitting(known: list[Known], free: int) -> Iterator[list[Known]]:
    """Split cells into groups whose processes fit in memory side by side; most often one group."""
    group: list[Known] = []
    for entry in known:
        if group and free and sum(need for _, need, _ in [*group, entry]) > free:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def times(sweep: Sweep, group: list[Known]) -> Iterator[list[Row]]:
    """Time the cells of a group in turns, so that whatever drifts hits all of them alike."""
    taking: list[Timed] = []
    cap = share(sweep.cap, [need for _, need, _ in group])
    try:
        for (cell, _, kernel), bound in zip(group, cap, strict=True):
            child = start(sweep, clock.measure, cell, bound)
            taking.append(Timed(cell, kernel, child, sweep.processes))
        for timed in taking:
            warm(timed, sweep.settings.budget)
        for number in range(TURNS):
            # There and back: who goes first changes.
            for timed in taking[:: -1 if number % 2 else 1]:
                take(timed, sweep.settings.budget)
        for timed in taking:
            if timed.failed:
                end(sweep, timed.cell, timed.failed)
            yield second_rows(timed)
    finally:
        for timed in taking:
            timed.child.stop()


def share(cap: int, needs: list[float]) -> list[int]:
    """Divide a cap: to each what it needs, and an equal part of the rest."""
    rest = (cap - sum(needs)) / len(needs)
    return [max(1, int(need + rest)) for need in needs]


def warm(timed: Timed, budget: float) -> None:
    """Wait until a child has built its cell, then let it warm up."""
    answer = timed.child.answer(START)
    if answer.status == "ok":
        answer = ask(timed, WARM * budget, budget)
    timed.failed = None if answer.status == "ok" else answer


def take(timed: Timed, budget: float) -> None:
    """Let a child have its turn, unless it has failed or has had its time."""
    if timed.failed or (timed.samples and timed.spent >= budget):
        return
    answer = ask(timed, (1 - WARM) * budget / TURNS, budget)
    if answer.status == "ok":
        samples, switches = answer.content
        timed.samples += samples
        timed.contended |= switches > CROWDED * timed.cell.threads
    elif not timed.samples:
        timed.failed = answer


def ask(timed: Timed, seconds: float, budget: float) -> Answer:
    """Ask a child to run for some seconds, and count how long it took."""
    import time

    begin = time.perf_counter()
    answer = timed.child.ask(seconds, seconds + budget + GRACE)
    timed.spent += time.perf_counter() - begin
    return answer


def second_rows(timed: Timed) -> list[Row]:
    """Write a cell's samples as rows, the whole layer's (forward and backward of the same run) included."""
    if timed.failed:
        return failed(timed.cell, "seconds", timed.failed.status, timed.failed.note)
    samples = {name: [sample[name] for sample in timed.samples] for name in timed.samples[0]}
    if {"forward", "backward"} <= samples.keys():
        samples["attention"] = [sum(sample.values()) for sample in timed.samples]
    shared = timed.cell.labels | {"status": "ok", "metric": "seconds", "unit": "s", "kernel": timed.kernel}
    shared |= {"process": timed.process, "contended": timed.contended}
    rows = []
    for phase, values in samples.items():
        low, middle, high = clock.quantiles(values)
        rows.append(shared | {"phase": phase, "value": middle, "low": low, "high": high, "samples": values})
    return rows


def failed(cell: Cell, metric: str, status: str, note: str) -> list[Row]:
    """Write a cell that was not measured: rows that say why."""
    unit = {"seconds": "s", "peak_bytes": "B"}[metric]
    shared = cell.labels | {"metric": metric, "unit": unit, "status": status, "note": note}
    return [shared | {"phase": phase} for phase in cell.phases]


def end(sweep: Sweep, cell: Cell, answer: Answer) -> None:
    """Remember why a mechanism's longer lengths need not be tried; a crash says nothing about them."""
    if answer.status in ("oom", "timeout"):
        reason = f"{answer.status} at length {cell.maxlen}"
        sweep.ended.setdefault((cell.attn, cell.phase), reason)
