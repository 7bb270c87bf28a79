"""Warm-up and turns end when they should, and only what is to be timed is."""

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest
import torch

from linrec_cli.profiling import clock, energy
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.clock import Sample
from linrec_cli.profiling.work import Work


def watch(seconds: list[float]) -> clock.Stopwatch:
    """Make a clock that reads given numbers, the last one again and again."""
    left = list(seconds)
    return lambda: Sample({"step": left.pop(0) if len(left) > 1 else left[0]})


def test_warming_up_ends_when_two_medians_agree() -> None:
    # What comes next says where it stopped.
    read = watch([9.0] + [5.0] * 5 + [1.0] * 5 + [1.01] * 5 + [7.0, 8.0])
    clock.settle(read, 60)
    assert read().seconds["step"] == 7.0


def test_one_slow_run_does_not_keep_warm_up_going() -> None:
    # Means of 1 and 20.8, medians of 1 and 1.
    read = watch([9.0] + [1.0] * 5 + [1.0, 1.0, 100.0, 1.0, 1.0] + [7.0, 8.0])
    clock.settle(read, 60)
    assert read().seconds["step"] == 7.0


def test_warming_up_of_what_never_settles_ends_with_its_time() -> None:
    begin, count = time.perf_counter(), iter(range(10**9))
    clock.settle(lambda: Sample({"step": float(next(count) ** 2)}), 0.1)
    assert time.perf_counter() - begin < 5


def test_a_turn_takes_at_least_one_sample_and_at_most_its_number() -> None:
    assert clock.turn(watch([1.0]), 0.0) == [Sample({"step": 1.0})]
    assert len(clock.turn(watch([1.0]), 60)) == clock.TURN


def test_the_first_of_quick_samples_is_thrown_away() -> None:
    assert clock.turn(watch([0.001, 0.0001]), 60) == [Sample({"step": 0.0001})] * clock.TURN


def test_quantiles_are_those_of_the_samples() -> None:
    assert clock.quantiles([float(n) for n in range(11)]) == pytest.approx((2.0, 5.0, 8.0))
    # Neither the mean nor the ends.
    assert clock.quantiles([1.0, 2.0, 3.0, 4.0, 1000.0]) == pytest.approx((1.8, 3.0, 203.2))


@pytest.mark.parametrize(("ways", "runs"), [(True, [2, 1]), (False, [1, 1])])
def test_a_quick_way_to_do_the_same_runs_once_untimed_before_it_is_timed(ways: bool, runs: list[int]) -> None:
    counts = {"quick": 0, "slow": 0}

    def span(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            counts[name] += 1
            time.sleep(seconds)

        return run

    spans = {"quick": span("quick", 0), "slow": span("slow", 2 * clock.QUICK)}
    read = clock.stopwatch(spans, "cpu", flushed=False, ways=ways)
    read()
    counts.update(quick=0, slow=0)
    found = read()
    assert found.seconds.keys() == spans.keys()
    # There the wall clock is the only one.
    assert (found.wall, found.late) == ({}, frozenset())
    assert [*counts.values()] == runs


@pytest.mark.parametrize(("phase", "ways"), [("serve", True), ("step", False)])
def test_a_timing_child_warms_up_takes_turns_and_tells_the_energy_last(
    group: Callable[..., list[Cell]], monkeypatch: pytest.MonkeyPatch, phase: str, ways: bool
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("linrec_cli.machine.prepare", lambda threads: asked.append(threads))
    monkeypatch.setattr(clock, "stopwatch", lambda *given, **more: asked.append((given, more)) or watch([0.5]))
    monkeypatch.setattr(energy, "measured", lambda cell, spans: "joules")
    (cell,) = group("linear", phase=phase, threads=3)
    work = Work({"a": lambda: None}, lambda: None, lambda: None, flushed=True)
    child: Generator[Any, Any, None] = clock.measure(cell, lambda cell: asked.append("built") or work)
    assert next(child) is None
    # Threads are set before anything is built.
    assert asked == [3, "built", ((work.spans, "cpu"), {"flushed": True, "ways": ways})]
    assert child.send(0.0) is None
    samples, used = child.send(0.0)
    assert samples == [Sample({"step": 0.5})]
    assert 0 < used.cpu <= used.wall < 10
    assert child.send(None) == "joules"


def test_threads_are_set_where_a_child_is_timed(group: Callable[..., list[Cell]]) -> None:
    (cell,) = group("linear")
    threads: list[int] = []

    def build(cell: Cell) -> Work:
        threads.append(torch.get_num_threads())
        return Work({"a": lambda: None}, lambda: None, lambda: None, flushed=False)

    for number in (2, 3):
        next(clock.measure(replace(cell, threads=number), build))
    assert threads == [2, 3]
