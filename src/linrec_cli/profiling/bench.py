"""The sweep: memory and work in a fresh process a cell, then time with the mechanisms taking turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.phases import compile as compiling
from linrec_cli.profiling import clock, memory, nvml, resume, roofline, rows
from linrec_cli.profiling import headroom as room
from linrec_cli.profiling.cell import LONGEST, Cell, cells
from linrec_cli.profiling.isolate import Answer, Child
from linrec_cli.profiling.turns import GRACE, START, Timed, share, take_all
from linrec_cli.settings import Profile, options

Row = dict[str, Any]
Builder = Any
"""Makes the work of a cell; a function of a module that a child can import."""

KEPT = 2.0
"""How much more a timing child may hold than was alive at once: like training, it keeps what it frees."""
COMPILE = 300.0
"""Seconds torch.compile may take."""


@dataclass(frozen=True)
class Known:
    """What a cell's memory child found: the bytes it needs, and by span its kernel and the count of its work."""

    cell: Cell
    need: float
    kernels: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Sweep:
    """What a sweep remembers between its cells.

    Attributes:
        cap: bytes all children may take together; 0 where running out is the device's own affair.
        force: try a length although a shorter one of the same mechanism failed, or the mechanism is not meant for it.
        ended: for each mechanism, phase and size, why its longer lengths are skipped.
        processes: processes started so far; each has its number in the rows.
        roofed: whether ceilings are wanted.
        ceilings: what the machine can do, by dtype, where it was measured.
    """

    settings: Profile
    build: Builder
    cap: int
    force: bool = False
    ended: dict[tuple[Any, ...], str] = field(default_factory=dict)
    processes: int = 0
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
        done: rows of the same sweep that stand, and need not be measured again.
    """
    cap = room.bytes_free(settings.device) if cap is None else cap
    sweep = Sweep(settings, build, cap, force, roofed=ceilings, ceilings=resume.ceilings(done))
    sweep.processes = max((row.get("process") or 0 for row in done), default=0)
    yield from machine(sweep)
    for turn_takers in cells(settings):
        if resume.there(turn_takers, done):
            for cell in turn_takers:
                for status in resume.failures(cell, done):
                    end(sweep, cell, Answer(status))
        else:
            yield from measured(sweep, turn_takers)


def measured(sweep: Sweep, turn_takers: list[Cell]) -> Iterator[list[Row]]:
    """Measure the cells of a group: memory and work one after the other, then time in turns."""
    known = []
    for cell in turn_takers:
        if cell.phase == "compile":
            yield compiled(sweep, cell)
            continue
        found, fit = alone(sweep, cell)
        yield found
        if fit is None:
            yield rows.failed(cell, timing(sweep, cell), found[0]["status"], found[0]["note"])
        else:
            known.append(fit)
    for group in fitting(known, sweep.cap):
        yield from times(sweep, group)


def timing(sweep: Sweep, cell: Cell) -> tuple[str, ...]:
    """List the metrics that need a time."""
    return ("seconds", *rows.followers(cell, sweep.roofed), *(("joules",) if sweep.gpu else ()))


def machine(sweep: Sweep) -> Iterator[list[Row]]:
    """Ask the driver of a GPU, and measure the ceilings if they are wanted; a row says what cannot be had."""
    device, threads = sweep.settings.device, sweep.settings.threads
    try:
        sweep.gpu = nvml.opened(device)
    except NothingMeasuredError as error:
        yield [rows.machine("gpu_clock", "skipped", str(error))]
    for dtype in [dtype for dtype in sweep.settings.dtype if sweep.roofed and dtype not in sweep.ceilings]:
        child = Child(roofline.measure, device, dtype, threads, sweep.settings.budget)
        try:
            answer = child.answer(START)
            if answer.status == "ok":
                answer = child.ask(None, 2 * sweep.settings.budget + GRACE)
        finally:
            child.stop()
        if answer.status == "ok":
            best = {name: max(samples) for name, samples in answer.content.items()}
            sweep.ceilings[dtype] = roofline.Ceiling(best["copy"], best["matmul"])
        yield rows.ceilings(dtype, answer)


def start(sweep: Sweep, task: Any, cell: Cell, cap: int, *more: Any) -> Child:
    """Start a child on its task; a GPU's memory has its own end, so only the CPU's is capped."""
    sweep.processes += 1
    return Child(task, cell, sweep.build, *more, cap=cap if cell.device == "cpu" else 0)


def barred(sweep: Sweep, cell: Cell) -> str:
    """Say why a cell is not tried; empty where nothing speaks against it."""
    longest = LONGEST.get(options(cell.attn)[0], cell.maxlen)
    if sweep.force or (cell.maxlen <= longest and key(cell) not in sweep.ended):
        return ""
    return sweep.ended.get(key(cell)) or f"unfused, it stops at {longest:,}; --force goes on"


def alone(sweep: Sweep, cell: Cell) -> tuple[list[Row], Known | None]:
    """Measure a cell's memory and work; return its rows and what is known of it (`None`: it failed)."""
    metrics = ("peak_bytes", *rows.COUNTED)
    if reason := barred(sweep, cell):
        return rows.failed(cell, metrics, "skipped", reason), None
    child = start(sweep, memory.measure, cell, sweep.cap)
    budget, process = sweep.settings.budget, sweep.processes
    try:
        answer = child.answer(START)
        if answer.status == "ok":
            answer = child.ask(None, budget + GRACE)
        if answer.status != "ok":
            end(sweep, cell, answer)
            return gone(sweep, cell, metrics, answer), None
        peaks, need = answer.content
        ran = child.ask(None, 2 * budget + GRACE)
        # A child that has ended cannot be asked again.
        counts = child.ask(None, 2 * budget + GRACE) if ran.status == "ok" else ran
    finally:
        child.stop()
    kernels = ran.content or {}
    found = rows.memory(cell, peaks, kernels, process)
    if counts.status == "ok":
        found += rows.work(cell, counts.content, kernels, process)
    else:
        found += rows.failed(cell, rows.COUNTED, counts.status, f"while it was counted: {counts.note}")
    return found, Known(cell, KEPT * need, kernels, counts.content or {})


def gone(sweep: Sweep, cell: Cell, metrics: tuple[str, ...], answer: Answer) -> list[Row]:
    """Write a cell that ended before its memory was known; of one that ran out, a peak has the limit as its `low`."""
    found = rows.failed(cell, metrics, answer.status, answer.note)
    limit = room.bytes_limit(cell.device, sweep.cap) if answer.status == "oom" else 0
    return [row | {"low": float(limit)} if limit and row["metric"] == "peak_bytes" else row for row in found]


def compiled(sweep: Sweep, cell: Cell) -> list[Row]:
    """Measure what torch.compile takes, in a fresh process; a row says where there is nothing to compile with."""
    if reason := barred(sweep, cell):
        return rows.failed(cell, ("seconds",), "skipped", reason)
    with TemporaryDirectory(prefix="linrec-") as folder:
        child = start(sweep, compiling.measure, cell, sweep.cap, folder)
        try:
            answer = child.answer(COMPILE)
            if answer.status == "ok" and answer.content:
                return rows.failed(cell, ("seconds",), "skipped", answer.content)
            if answer.status == "ok":
                answer = child.ask(None, COMPILE)
        finally:
            child.stop()
    if answer.status != "ok":
        end(sweep, cell, answer)
        return rows.failed(cell, ("seconds",), answer.status, answer.note)
    seconds, kernel, note = answer.content
    return [rows.number(cell, "seconds", seconds, kernel=kernel, note=note, process=sweep.processes)]


def fitting(known: list[Known], free: int) -> Iterator[list[Known]]:
    """Split cells into groups whose processes fit in memory side by side; most often one group."""
    group: list[Known] = []
    for one in known:
        if group and free and sum(other.need for other in [*group, one]) > free:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def times(sweep: Sweep, group: list[Known]) -> Iterator[list[Row]]:
    """Time the cells of a group in turns."""
    taking: list[Timed] = []
    try:
        for known, bound in zip(group, share(sweep.cap, [known.need for known in group]), strict=True):
            taking.append(Timed(known.cell, start(sweep, clock.measure, known.cell, bound), sweep.processes))
        take_all(taking, sweep.settings.budget, sweep.gpu)
        for known, timed in zip(group, taking, strict=True):
            yield timed_rows(sweep, known, timed)
    finally:
        for timed in taking:
            timed.child.stop()


def timed_rows(sweep: Sweep, known: Known, timed: Timed) -> list[Row]:
    """Write what a timing child found, and what follows from it."""
    cell = known.cell
    if timed.failed:
        end(sweep, cell, timed.failed)
        return rows.failed(cell, timing(sweep, cell), timed.failed.status, timed.failed.note)
    shared = {"process": timed.process, "contended": timed.contended}
    seconds = rows.time(cell, timed.samples, known.kernels, **shared)
    follows = [*rows.rates(cell, seconds, known.counts, sweep.ceilings.get(cell.dtype))]
    lacking = {*rows.followers(cell, sweep.roofed)} - {row["metric"] for row in follows}
    follows += rows.failed(cell, tuple(sorted(lacking)), "skipped", "what it is made from was not measured")
    return seconds + follows + (rows.gpu(cell, timed.readings, timed.joules, **shared) if sweep.gpu else [])


def end(sweep: Sweep, cell: Cell, answer: Answer) -> None:
    """Remember why a mechanism's longer lengths need not be tried; a crash says nothing about them."""
    if answer.status in ("oom", "timeout"):
        sweep.ended.setdefault(key(cell), f"{answer.status} at length {cell.maxlen}")


def key(cell: Cell) -> tuple[Any, ...]:
    """Tell cells apart that differ in more than their length."""
    return cell.attn, cell.phase, cell.model, cell.width, cell.heads, cell.dtype
