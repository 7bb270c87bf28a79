"""What a cell takes and does, measured in a fresh process that is never timed: its memory, kernel and work."""

from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from linrec_cli import temporary
from linrec_cli.profiling import headroom, memory, rows
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.interleave import GRACE, START
from linrec_cli.profiling.isolate import Answer, Task
from linrec_cli.profiling.rows import Row
from linrec_cli.profiling.tries import Tries

KEPT = 2.0
"""How much more a timing child may hold than was alive at once: like training, it keeps what it frees."""
LONG = 300.0
"""Seconds a phase may take that measures itself, torch.compile among them."""


@dataclass(frozen=True)
class Footprint:
    """The bytes a cell needs, and by span its kernel and the count of its work."""

    cell: Cell
    need: float
    kernels: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)


def footprint(tries: Tries, cell: Cell) -> tuple[list[Row], Footprint | None]:
    """Measure a cell's memory and work; return its rows and what is known of it (`None`: it failed)."""
    metrics = ("peak_bytes", *rows.COUNTED)
    if reason := tries.barred(cell):
        return rows.failed(cell, metrics, "skipped", reason), None
    child = tries.start(memory.measure, cell, tries.cap)
    budget, process = tries.settings.budget, tries.processes
    try:
        answer = child.answer(START)
        if answer.status == "ok":
            answer = child.ask(None, budget + GRACE)
        if answer.status != "ok":
            tries.end(cell, answer)
            return gone(tries, cell, metrics, answer), None
        peaks, need = answer.content
        ran = child.ask(None, 2 * budget + GRACE)
        # A child that has ended cannot be asked again.
        counts = child.ask(None, 2 * budget + GRACE) if ran.status == "ok" else ran
    finally:
        child.stop()
    kernels, strange = ran.content or ({}, [])
    if strange:
        note = f"what {' and '.join(strange)} gave is not finite: it has no number, or an infinite one"
        return rows.failed(cell, metrics, "error", note), None
    found = rows.peaks(cell, peaks, kernels, process)
    if counts.status == "ok":
        found += rows.counted(cell, counts.content, kernels, process)
    else:
        found += rows.failed(cell, rows.COUNTED, counts.status, f"while it was counted: {counts.note}")
    return found, Footprint(cell, KEPT * need, kernels, counts.content or {})


def gone(tries: Tries, cell: Cell, metrics: tuple[str, ...], answer: Answer) -> list[Row]:
    """Write a cell that ended before its memory was known; of one that ran out, a peak has the limit as its `low`."""
    found = rows.failed(cell, metrics, answer.status, answer.note)
    limit = headroom.bytes_limit(cell.device, tries.cap) if answer.status == "oom" else 0
    return [row | {"low": float(limit)} if limit and row["metric"] == "peak_bytes" else row for row in found]


def by_itself(tries: Tries, cell: Cell, measure: Task) -> list[Row]:
    """Let a phase `measure` itself in a fresh process: one time, or why there is none."""
    if reason := tries.barred(cell):
        return rows.failed(cell, ("seconds",), "skipped", reason)
    with TemporaryDirectory(dir=temporary.room()) as folder:
        child = tries.start(measure, cell, tries.cap, folder)
        try:
            answer = child.answer(LONG)
            if answer.status == "ok" and answer.content:
                return rows.failed(cell, ("seconds",), "skipped", answer.content)
            if answer.status == "ok":
                answer = child.ask(None, LONG)
        finally:
            child.stop()
    if answer.status != "ok":
        tries.end(cell, answer)
        return rows.failed(cell, ("seconds",), answer.status, answer.note)
    seconds, kernel, note = answer.content
    return [rows.number(cell, "seconds", seconds, kernel=kernel, note=note, process=tries.processes)]
