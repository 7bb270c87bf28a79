"""All cells: memory and work in a fresh process a cell, then time with the mechanisms taking turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.profiling import clock, finished, headroom, nvml, roofline, rows
from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.profiling.footprint import Footprint, by_itself, footprint
from linrec_cli.profiling.interleave import GRACE, START, Timed, share, take_turns
from linrec_cli.profiling.isolate import Answer, Child
from linrec_cli.profiling.rows import Row
from linrec_cli.profiling.tries import Builder, Tries
from linrec_cli.settings import Profile


@dataclass
class Bench:
    """What is remembered between cells.

    Attributes:
        roofed: whether ceilings are wanted.
        ceilings: what the machine can do, by dtype, where it was measured.
        gpu: to be asked, where there is one that answers.
    """

    tries: Tries
    roofed: bool = False
    ceilings: dict[str, roofline.Ceiling] = field(default_factory=dict)
    gpu: nvml.Gpu | None = None


def run(
    settings: Profile,
    build: Builder,
    cap: int | None = None,
    force: bool = False,
    ceilings: bool = False,
    done: Sequence[Row] = (),
) -> Iterator[list[Row]]:
    """Measure every cell; yield the rows of each as soon as they are there: its memory and work, then its time.

    A cell that cannot be measured is a row that says why; its mechanism's longer lengths then are `skipped`.

    Args:
        ceilings: measure first how fast the machine copies and multiplies.
        done: rows of the same settings that stand, and need not be measured again.
    """
    tries = Tries(settings, build, headroom.bytes_free(settings.device) if cap is None else cap, force)
    tries.processes = max((row.get("process") or 0 for row in done), default=0)
    bench = Bench(tries, ceilings, finished.ceilings(done))
    yield from machine(bench)
    for group in cells(settings):
        if finished.whole(group, done):
            for cell in group:
                for status in finished.failures(cell, done):
                    tries.end(cell, Answer(status))
        else:
            yield from measured(bench, group)


def measured(bench: Bench, group: list[Cell]) -> Iterator[list[Row]]:
    """Measure the cells of a group: memory and work one after the other, then time in turns."""
    known = []
    for cell in group:
        if measure := cell.what.measure:
            yield by_itself(bench.tries, cell, measure)
            continue
        found, fit = footprint(bench.tries, cell)
        yield found
        if fit is None:
            yield rows.failed(cell, timed(bench, cell), found[0]["status"], found[0]["note"])
        else:
            known.append(fit)
    for together in fitting(known, bench.tries.cap):
        yield from times(bench, together)


def timed(bench: Bench, cell: Cell) -> tuple[str, ...]:
    """List the metrics that need a time."""
    host = ("wall_seconds",) if cell.device == "cuda" else ()
    return ("seconds", *host, *rows.followers(cell, bench.roofed), *(("joules",) if bench.gpu else ()))


def machine(bench: Bench) -> Iterator[list[Row]]:
    """Ask the driver of a GPU, and measure the ceilings if they are wanted; a row says what cannot be had."""
    settings = bench.tries.settings
    try:
        bench.gpu = nvml.opened(settings.device)
    except NothingMeasuredError as error:
        yield [rows.machine("gpu_clock", "skipped", str(error))]
    # Some phases have a number format of their own.
    formats = dict.fromkeys([*settings.dtype, *(cell.dtype for cell in chain.from_iterable(cells(settings)))])
    for dtype in [dtype for dtype in formats if bench.roofed and dtype not in bench.ceilings]:
        child = Child(roofline.measure, settings.device, dtype, settings.threads, settings.budget)
        try:
            answer = child.answer(START)
            if answer.status == "ok":
                answer = child.ask(None, 2 * settings.budget + GRACE)
        finally:
            child.stop()
        if answer.status == "ok":
            best = {name: max(samples) for name, samples in answer.content.items()}
            bench.ceilings[dtype] = roofline.Ceiling(best["copy"], best["matmul"])
        yield rows.ceilings(dtype, answer)


def fitting(known: list[Footprint], free: int) -> Iterator[list[Footprint]]:
    """Split cells into groups whose processes fit in memory side by side; most often one group."""
    group: list[Footprint] = []
    for one in known:
        if group and free and sum(other.need for other in [*group, one]) > free:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def times(bench: Bench, group: list[Footprint]) -> Iterator[list[Row]]:
    """Time the cells of a group in turns."""
    tries, taking = bench.tries, []
    try:
        for known, bound in zip(group, share(tries.cap, [known.need for known in group]), strict=True):
            child = tries.start(clock.measure, known.cell, bound)
            taking.append(Timed(known.cell, child, tries.processes))
        take_turns(taking, tries.settings.budget, bench.gpu)
        for known, one in zip(group, taking, strict=True):
            yield timed_rows(bench, known, one)
    finally:
        for one in taking:
            one.child.stop()


def timed_rows(bench: Bench, known: Footprint, one: Timed) -> list[Row]:
    """Write what a timing child found, and what follows from it."""
    cell = known.cell
    if one.failed:
        bench.tries.end(cell, one.failed)
        return rows.failed(cell, timed(bench, cell), one.failed.status, one.failed.note)
    shared = {"process": one.process, "contended": one.contended}
    times = rows.times(cell, one.samples, known.kernels, **shared)
    follows = [*rows.rates(cell, times, known.counts, bench.ceilings.get(cell.dtype))]
    lacking = {*rows.followers(cell, bench.roofed)} - {row["metric"] for row in follows}
    follows += rows.failed(cell, tuple(sorted(lacking)), "skipped", "what it is made from was not measured")
    return times + follows + (rows.driver(cell, one.readings, one.joules, **shared) if bench.gpu else [])
