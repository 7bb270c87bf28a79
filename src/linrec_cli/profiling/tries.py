"""What is tried: processes with their number and their cap, and what is not tried after something ran out."""

from dataclasses import dataclass, field
from typing import Any

from linrec_cli.profiling.cell import Cell, impossible, mechanism
from linrec_cli.profiling.isolate import Answer, Child, Task
from linrec_cli.settings import Profile

Builder = Any
"""Makes the work of a cell; a function of a module that a child can import."""


BARRED = "--force goes on"
"""Ends the reason of a cell that is not tried unless it is asked for."""


@dataclass
class Tries:
    """What is remembered between cells.

    Attributes:
        cap: bytes all children may take together; 0 where running out is the device's own affair.
        force: try a length although a shorter one of the same mechanism failed, or the mechanism is not meant for it.
        ended: for each mechanism, phase and size, why its longer lengths are skipped.
        processes: processes started so far; each has its number in the rows.
    """

    settings: Profile
    build: Builder
    cap: int
    force: bool = False
    ended: dict[tuple[Any, ...], str] = field(default_factory=dict)
    processes: int = 0

    def start(self, task: Task, cell: Cell, cap: int, *more: Any) -> Child:
        """Start a child on its task; a GPU's memory has its own end, so only the CPU's is capped."""
        self.processes += 1
        return Child(task, cell, self.build, *more, cap=cap if cell.device == "cpu" else 0)

    def barred(self, cell: Cell) -> str:
        """Say why a cell is not tried; empty where nothing speaks against it."""
        longest = getattr(mechanism(cell.attn), "LONGEST", cell.maxlen)
        if reason := impossible(cell):
            return reason
        if self.force:
            return ""
        if cell.maxlen > longest:
            return f"it stops at {longest:,}; {BARRED}"
        return self.ended.get(key(cell), "")

    def end(self, cell: Cell, answer: Answer) -> None:
        """Remember why a mechanism's longer lengths need not be tried; a crash says nothing about them."""
        if answer.status in ("oom", "timeout"):
            self.ended.setdefault(key(cell), f"{answer.status} at length {cell.maxlen}; {BARRED}")


def key(cell: Cell) -> tuple[Any, ...]:
    """Tell cells apart that differ in more than their length."""
    return cell.attn, cell.phase, cell.model, cell.width, cell.heads, cell.dtype
