"""Planted costs are found, and whatever goes wrong in a cell is a row while the rest goes on."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.profiling import bench, clock, finished, isolate
from linrec_cli.profiling import rows as rows_of
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.count import Count
from linrec_cli.profiling.footprint import Footprint
from linrec_cli.profiling.tries import Tries
from linrec_cli.settings import Profile

Row = dict[str, Any]
MIB = 2**20


def measure(
    planted: ModuleType, attn: tuple[str, ...], maxlen: tuple[int, ...] = (16,), phase: str = "step", **more: Any
) -> list[Row]:
    settings = Profile(attn=attn, maxlen=maxlen, phase=(phase,), budget=0.3)
    return [row for rows in bench.run(settings, planted.build, **more) for row in rows]


def find(rows: list[Row], attn: str, metric: str, phase: str = "step", maxlen: int = 16) -> Row:
    wanted = (attn, metric, phase, maxlen)
    (row,) = (r for r in rows if (r["attention"], r["metric"], r["phase"], r["maxlen"]) == wanted)
    return row


ATTN = ("sleep", "hang", "die", "leave", "fail", "long", "take")


@pytest.fixture(scope="module")
def rows(planted: ModuleType, impatient: None) -> list[Row]:
    """Every kind of cell."""
    return measure(planted, ATTN, (16, 64), cap=300 * MIB)


def test_a_planted_sleep_is_the_time(planted: ModuleType, rows: list[Row]) -> None:
    row = find(rows, "sleep", "seconds")
    assert planted.SLEEP <= row["value"] < 2 * planted.SLEEP
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["unit"], row["kernel"]) == ("s", "eager")
    assert len(row["samples"]) > 3


def test_a_planted_allocation_is_the_peak_within_two_mebibytes(rows: list[Row]) -> None:
    for maxlen in (16, 64):
        row = find(rows, "take", "peak_bytes", maxlen=maxlen)
        assert row["value"] == pytest.approx(maxlen * MIB, abs=2 * MIB)
        assert (row["unit"], row["stage"]) == ("B", "rss")


def test_what_takes_nothing_has_no_peak_of_zero(rows: list[Row]) -> None:
    """A few pages may come in all the same."""
    row = find(rows, "sleep", "peak_bytes")
    if row["status"] == "ok":
        assert 0 < row["value"] < 2 * MIB
    else:
        assert (row["status"], "value" in row) == ("skipped", False)
    assert find(rows, "sleep", "seconds")["status"] == "ok"


@pytest.mark.parametrize(
    ("attn", "status", "note"),
    [
        ("hang", "timeout", "no answer within 2.3 s"),
        ("die", "error", "ended by SIGSEGV"),
        ("leave", "error", "ended with exit code 7: libplanted: no more threads"),
        ("fail", "error", "ValueError: the planted mistake"),
    ],
)
def test_what_goes_wrong_is_a_row_that_says_why(rows: list[Row], attn: str, status: str, note: str) -> None:
    for metric in ("seconds", "peak_bytes"):
        row = find(rows, attn, metric)
        assert (row["status"], row["note"]) == (status, note)
        assert "value" not in row


def test_more_than_the_cap_is_a_row_that_names_the_cap(rows: list[Row]) -> None:
    assert find(rows, "long", "seconds")["status"] == "ok"
    row = find(rows, "long", "peak_bytes", maxlen=64)
    assert row["status"] == "oom"
    assert row["note"].startswith("memory was capped at 300 MiB")
    # The limit is what its peak is at least.
    assert row["low"] == 300 * MIB


def test_longer_lengths_are_skipped_after_a_timeout_but_not_after_a_crash(rows: list[Row]) -> None:
    assert find(rows, "hang", "seconds", maxlen=64)["status"] == "skipped"
    assert find(rows, "hang", "seconds", maxlen=64)["note"] == "timeout at length 16; --force goes on"
    assert find(rows, "fail", "seconds", maxlen=64)["status"] == "error"


def test_every_cell_has_a_row_of_each_metric_measured_or_not(rows: list[Row]) -> None:
    metrics = {"seconds", "peak_bytes", "operations", "bytes_moved", "saved_bytes"}
    metrics |= {"flops_per_second", "bytes_per_second"}
    for attn in ATTN:
        for maxlen in (16, 64):
            mine = [row for row in rows if (row["attention"], row["maxlen"]) == (attn, maxlen)]
            assert {row["metric"] for row in mine} == metrics
            times = {row["status"] for row in mine if row["metric"] in ("seconds", "flops_per_second")}
            assert len(times) == 1


def test_each_cell_has_processes_of_its_own(rows: list[Row]) -> None:
    measured = [row["process"] for row in rows if row.get("process") and row["metric"] in ("seconds", "peak_bytes")]
    assert len(measured) >= 10
    assert len(set(measured)) == len(measured)


def test_a_whole_is_its_parts(planted: ModuleType) -> None:
    rows = measure(planted, ("take",), phase="attention")
    parts = [find(rows, "take", "seconds", phase) for phase in ("forward", "backward", "attention")]
    forward, backward, whole = (part["samples"] for part in parts)
    assert whole == [a + b for a, b in zip(forward, backward, strict=True)]
    assert parts[1]["value"] >= planted.SLEEP
    peaks = [find(rows, "take", "peak_bytes", phase)["value"] for phase in ("forward", "backward", "attention")]
    assert peaks[2] == max(peaks[:2])
    assert peaks == pytest.approx([16 * MIB, 8 * MIB, 16 * MIB], abs=2 * MIB)


def test_threads_asked_for_are_those_of_the_children_that_measure_memory_and_time(planted: ModuleType) -> None:
    settings = Profile(attn=("crowd",), maxlen=(16,), phase=("step",), budget=0.3, threads=3)
    rows = [row for rows in bench.run(settings, planted.build) for row in rows]
    assert find(rows, "crowd", "peak_bytes")["value"] == pytest.approx(24 * MIB, abs=2 * MIB)
    assert 0.09 <= find(rows, "crowd", "seconds")["value"] < 0.18


def test_a_profile_that_is_left_kills_its_children(planted: ModuleType) -> None:
    settings = Profile(attn=("sleep", "take"), maxlen=(16,), phase=("step",), budget=0.3)
    running = bench.run(settings, planted.build)
    before = len(processes())
    while next(running)[0]["metric"] != "seconds":
        pass
    assert len(processes()) == before + 2
    running.close()
    assert len(processes()) == before


def processes() -> list[psutil.Process]:
    """List what runs below us, the fork server and its helper aside from the first call on."""
    isolate.Child(clock.measure).stop()
    return psutil.Process().children(recursive=True)


def test_what_cannot_be_is_skipped_and_starts_no_process(planted: ModuleType, group: Callable[..., list[Cell]]) -> None:
    tries = Tries(Profile(), planted.build, cap=0)
    for cell, note in (
        (group("linformer")[0], "it has no causal form, which sasrec takes"),
        (group("linear", model=("popular",))[0], "popular has no gradients, it is counted: there is no step"),
    ):
        found = [row for rows in bench.measured(bench.Bench(tries), [cell]) for row in rows]
        assert {row["metric"] for row in found} > {"seconds", "peak_bytes"}
        assert {(row["status"], row["note"]) for row in found} == {("skipped", note)}
    assert tries.processes == 0


def test_cells_that_do_not_fit_side_by_side_take_turns_apart(group: Callable[..., list[Cell]]) -> None:
    known = [Footprint(cell, 40.0) for cell in group("a", "b", "c")]
    assert [len(group) for group in bench.fitting(known, 100)] == [2, 1]
    assert [len(group) for group in bench.fitting(known, 10)] == [1, 1, 1]
    assert [len(group) for group in bench.fitting(known, 0)] == [3]


def test_ceilings_come_first_and_shares_with_them(planted: ModuleType) -> None:
    settings = Profile(attn=("take",), maxlen=(16,), phase=("step",), budget=0.2)
    found = list(bench.run(settings, planted.build, ceilings=True))
    assert [(row["phase"], row["stage"], row["status"]) for row in found[0]] == [
        ("machine", "copy", "ok"),
        ("machine", "matmul", "ok"),
    ]
    ceiling = {row["stage"]: row["value"] for row in found[0]}
    rates = {row["metric"]: row["value"] for row in found[-1]}
    # Filling memory is no arithmetic.
    assert rates["roofline_share"] == pytest.approx(rates["bytes_per_second"] / ceiling["copy"])
    # Measured once, they are not measured again.
    assert finished.ceilings(found[0]).keys() == {"float32"}


def test_ceilings_are_of_each_format_that_a_cell_has(planted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.roofline, "measure", lambda *given: iter(()))
    asked = []
    monkeypatch.setattr(bench, "Child", lambda task, device, dtype, *more: asked.append(dtype) or Silent())
    # Users are ranked in float32, whatever a model is trained in.
    settings = Profile(attn=("take",), maxlen=(16,), phase=("step", "evaluate"), dtype=("bfloat16",))
    list(bench.machine(bench.Bench(Tries(settings, planted.build, 0), roofed=True)))
    assert asked == ["bfloat16", "float32"]


def test_a_ceiling_is_the_most_that_any_sample_reached(planted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Telling(Silent):
        """A child that has samples of both rates."""

        def answer(self, timeout: float) -> isolate.Answer:
            return isolate.Answer("ok")

        def ask(self, task: object, timeout: float) -> isolate.Answer:
            return isolate.Answer("ok", {"copy": [1.0, 3.0, 2.0], "matmul": [9.0, 7.0]})

    monkeypatch.setattr(bench, "Child", lambda *given: Telling())
    there = bench.Bench(Tries(Profile(attn=("take",), maxlen=(16,), phase=("step",)), planted.build, 0), roofed=True)
    (told,) = bench.machine(there)
    assert there.ceilings == {"float32": bench.roofline.Ceiling(bytes=3.0, operations=9.0)}
    assert [row["value"] for row in told] == [3.0, 9.0]


class Silent:
    """A child that has nothing to say."""

    def answer(self, timeout: float) -> isolate.Answer:
        return isolate.Answer("error", "silent")

    def stop(self) -> None:
        pass


def test_without_the_extra_a_row_says_what_is_not_read(planted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(device: str) -> None:
        raise NothingMeasuredError("pip install it")

    monkeypatch.setattr(bench.nvml, "opened", absent)
    (first,) = list(bench.machine(bench.Bench(Tries(Profile(), planted.build, 0))))
    assert [(row["phase"], row["status"], row["note"]) for row in first] == [("machine", "skipped", "pip install it")]


def test_what_failed_on_a_gpu_lacks_both_of_its_times(group: Callable[..., list[Cell]]) -> None:
    bare = bench.Bench(Tries(Profile(), lambda cell: None, 0))
    (cell,) = group("linear")
    assert bench.timed(bare, cell)[:2] == ("seconds", "flops_per_second")
    assert bench.timed(bare, replace(cell, device="cuda"))[:2] == ("seconds", "wall_seconds")


def test_what_a_child_on_a_gpu_took_and_what_its_host_waited_are_rows(group: Callable[..., list[Cell]]) -> None:
    (cell,) = group("linear")
    samples = [clock.Sample({"step": 0.1}, {"step": 0.6}, frozenset(["step"]))]
    one: Any = SimpleNamespace(failed=None, process=3, contended=False, samples=samples)
    known = Footprint(cell, 1.0, {"step": "eager"}, {"step": Count(40, 8, 0)})
    found = bench.timed_rows(bench.Bench(Tries(Profile(), lambda cell: None, 0)), known, one)
    told = {row["metric"]: (row["value"], row.get("note")) for row in found}
    assert told == {
        "seconds": (0.1, rows_of.LATE), "wall_seconds": (0.6, None),
        "flops_per_second": (pytest.approx(400), rows_of.LATE), "bytes_per_second": (pytest.approx(80), rows_of.LATE),
    }  # fmt: skip
