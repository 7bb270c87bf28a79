"""Memory, kernel and work of planted cells, each in a fresh process."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.footprint import by_itself, footprint
from linrec_cli.profiling.rows import COUNTED
from linrec_cli.profiling.tries import Tries
from linrec_cli.settings import Profile

Row = dict[str, Any]
MIB = 2**20


def find(rows: list[Row], attn: str, metric: str) -> Row:
    (row,) = (row for row in rows if (row["attention"], row["metric"]) == (attn, metric))
    return row


def test_blocks_that_were_freed_do_not_count(alone: Callable[..., list[Row]]) -> None:
    assert find(alone("holes"), "holes", "peak_bytes")["value"] == pytest.approx(32 * MIB, abs=2 * MIB)


def test_a_row_names_the_kernel_that_ran(alone: Callable[..., list[Row]]) -> None:
    rows = alone("flash", "math", "take")
    for attn, kernel in (("flash", "sdpa.flash"), ("math", "sdpa.math"), ("take", "eager")):
        assert {row["kernel"] for row in rows if row["attention"] == attn} == {kernel}


def test_what_ends_after_its_peak_was_read_keeps_it_and_says_what_is_missing(alone: Callable[..., list[Row]]) -> None:
    rows = alone("second-die")
    assert find(rows, "second-die", "peak_bytes")["value"] == pytest.approx(8 * MIB, abs=2 * MIB)
    for metric in ("operations", "bytes_moved", "saved_bytes"):
        row = find(rows, "second-die", metric)
        assert row["status"] == "error"
        assert row["note"].startswith("while it was counted: ended by SIGSEGV")


def test_what_is_kept_for_the_backward_pass_is_exact(group: Callable[..., list[Cell]]) -> None:
    """Torch's softmax: queries, keys and values, the output, and a logarithm a row and head, in float32."""
    (cell,) = group("softmax", tokens=64, width=(8,), phase="attention")
    rows, known = footprint(Tries(Profile(budget=0.3), build, cap=0), cell)
    row = find(rows, "softmax", "saved_bytes")
    assert (row["value"], row["unit"], row["form"]) == (4 * 64 * (3 * 8 + 8 + 2), "B", "causal")
    assert known is not None
    assert known.kernels == dict.fromkeys(("forward", "backward"), "sdpa.flash")


def own(cell: Cell, build: Any, folder: str) -> Any:
    """Measure what the builder says: a reason, a mistake, or a time."""
    found = build(cell)
    yield found if isinstance(found, str) else None
    yield found


def reason(cell: Cell) -> str:
    return "there is no compiler"


def time(cell: Cell) -> tuple[float, str, str]:
    return 1.5, "inductor", ""


def mistake(cell: Cell) -> None:
    raise ValueError("the planted mistake")


@pytest.mark.parametrize(
    ("builder", "row"),
    [
        (reason, {"status": "skipped", "note": "there is no compiler"}),
        (mistake, {"status": "error", "note": "ValueError: the planted mistake"}),
        (time, {"status": "ok", "value": 1.5, "kernel": "inductor", "note": "", "process": 1}),
    ],
)
def test_what_measures_itself_is_one_time_or_says_why_there_is_none(
    planted: ModuleType, group: Callable[..., list[Cell]], monkeypatch: pytest.MonkeyPatch, builder: Any, row: Row
) -> None:
    """Without a process: the task runs here."""
    from linrec_cli.profiling import isolate, tries

    class Here:
        def __init__(self, task: Any, *given: Any, cap: int) -> None:
            self.steps = task(*given)

        def answer(self, seconds: float) -> isolate.Answer:
            try:
                return isolate.Answer("ok", next(self.steps))
            except ValueError as error:
                return isolate.failure(error)

        def ask(self, message: None, seconds: float) -> isolate.Answer:
            return self.answer(seconds)

        def stop(self) -> None:
            self.steps.close()

    monkeypatch.setattr(tries, "Child", Here)
    (cell,) = group("linear", phase="compile")
    (found,) = by_itself(tries.Tries(Profile(), builder, cap=0), cell, own)
    assert found["metric"] == "seconds"
    assert row.items() <= found.items()


@pytest.mark.parametrize("attn", ["nan", "inf"])
def test_a_cell_that_gives_no_finite_number_is_an_error_and_is_not_timed(attn, planted, group) -> None:
    tries = Tries(Profile(budget=0.3), planted.build, cap=0)
    (cell,) = group(attn)
    found, fit = footprint(tries, cell)
    assert fit is None
    assert {row["status"] for row in found} == {"error"}
    assert {row["metric"] for row in found} == {"peak_bytes", *COUNTED}
    assert found[0]["note"] == "what step gave is not finite: it has no number, or an infinite one"
