"""What a GPU takes is told without the launches, what its host waits with them, whatever the host is slowed by."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from simulated import Gpu

from linrec_cli.profiling import clock, held, roofline
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work

Made = Callable[..., Gpu]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Put a GPU that is none in the place of torch's, and its host's time in the place of the clock's."""

    def made(**given: Any) -> Gpu:
        one = Gpu(**given)
        monkeypatch.setattr(torch.cuda, "Event", one.event)
        monkeypatch.setattr(torch.cuda, "synchronize", one.synchronize)
        monkeypatch.setattr(torch.cuda, "_sleep", one.sleep)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(L2_cache_size=100))
        monkeypatch.setattr(torch, "empty", lambda size, dtype, device: one.scratch(size * dtype.itemsize))
        monkeypatch.setattr(held, "time", SimpleNamespace(perf_counter=lambda: one.now))
        return one

    return made


def holds(one: Gpu, log: list[str] | None = None) -> int:
    return (log or one.log).count("sleep")


@pytest.mark.parametrize("flushed", [True, False])
def test_launches_are_no_time_of_the_gpu_and_the_host_waits_for_them(gpu: Made, flushed: bool) -> None:
    one = gpu()
    # A hundred launches of 6 us for kernels of 1 us: what linear is at usual sizes.
    read = clock.stopwatch({"step": one.kernels(100, 1e-6, "step")}, "cuda", flushed=flushed)
    for _ in range(3):
        found = read()
        assert found.seconds == {"step": pytest.approx(100e-6)}
        assert found.wall == {"step": pytest.approx(601e-6)}
        assert found.late == frozenset()


def test_what_the_gpu_is_slower_in_than_the_host_takes_both_as_long(gpu: Made) -> None:
    one = gpu()
    found = clock.stopwatch({"step": one.kernels(10, 1e-3, "step")}, "cuda", flushed=True)()
    assert found.seconds == {"step": pytest.approx(10e-3)}
    assert found.wall == {"step": pytest.approx(10e-3 + 6e-6)}


@pytest.mark.parametrize(("flushed", "before"), [(True, ["flush", "sleep"]), (False, ["sleep"])])
def test_a_gpu_s_cache_is_emptied_before_it_is_held_back_and_neither_is_timed(
    gpu: Made, flushed: bool, before: list[str]
) -> None:
    one = gpu()
    read = clock.stopwatch({n: one.kernels(3, 2e-6, n) for n in ("forward", "backward")}, "cuda", flushed=flushed)
    one.log.clear()
    found = read()
    cold = ["flush"] if flushed else []
    free = [*cold, "forward", *cold, "backward"]
    assert one.log == free + [x for n in ("forward", "backward") for x in (*before, "record", n, "record")]
    assert found.seconds == {"forward": pytest.approx(6e-6), "backward": pytest.approx(6e-6)}
    assert found.wall == {"forward": pytest.approx(20e-6), "backward": pytest.approx(20e-6)}


def test_the_cache_of_a_gpu_is_overwritten_twice(gpu: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    one, sizes = gpu(), []
    monkeypatch.setattr(torch, "empty", lambda size, dtype, device: sizes.append(size) or one.scratch(size))
    for flushed in (True, False):
        clock.stopwatch({"step": lambda: None}, "cuda", flushed=flushed)
    assert sizes == [200, 0]


@pytest.mark.parametrize("cycles", [12e9, 100e9])
def test_a_gpu_that_was_not_held_back_for_long_enough_is_held_back_for_longer(gpu: Made, cycles: float) -> None:
    # Its clock is so much faster than any that the first try is too short.
    one = gpu(cycles=cycles)
    read = clock.stopwatch({"step": one.kernels(100, 1e-6, "step")}, "cuda", flushed=False)
    one.log.clear()
    found = read()
    assert (found.seconds, found.late) == ({"step": pytest.approx(100e-6)}, frozenset())
    assert 1 < holds(one) < 6


def test_all_spans_of_a_run_are_run_again_in_their_order(gpu: Made) -> None:
    one, graph = gpu(cycles=12e9), []

    def forward() -> None:
        one.kernels(10, 1e-6, "forward")()
        graph.append("graph")

    def backward() -> None:
        graph.pop()
        one.kernels(200, 1e-6, "backward")()

    read = clock.stopwatch({"forward": forward, "backward": backward}, "cuda", flushed=False)
    found = read()
    assert (found.seconds["forward"], found.seconds["backward"]) == pytest.approx((10e-6, 200e-6))
    assert [x for x in one.log if x.endswith("ward")] == ["forward", "backward"] * (one.log.count("forward"))
    assert not graph


def test_a_host_that_is_put_aside_while_it_launches_spoils_no_sample(gpu: Made) -> None:
    one, chance = gpu(), random.Random(0)
    read = clock.stopwatch({"step": one.kernels(50, 1e-6, "step")}, "cuda", flushed=True)
    for _ in range(50):
        one.delays = {one.launched + chance.randrange(200): chance.uniform(0, 4e-3)}
        found = read()
        assert (found.seconds, found.late) == ({"step": pytest.approx(50e-6)}, frozenset())
        # What one sample needed, the next may not.
        one.delays = {}
        before = holds(one)
        read()
        assert holds(one) == before + 1


def test_what_compiles_when_first_run_is_held_back_all_the_same(gpu: Made) -> None:
    one, first = gpu(), [5.0]

    def span() -> None:
        one.now += first.pop() if first else 0.0
        one.kernels(100, 1e-6, "step")()

    found = clock.stopwatch({"step": span}, "cuda", flushed=True)()
    assert (found.seconds, found.late) == ({"step": pytest.approx(100e-6)}, frozenset())
    assert found.wall == {"step": pytest.approx(601e-6)}


def waits(one: Gpu) -> Callable[[], None]:
    """Make a span that waits for the GPU in its middle."""

    def span() -> None:
        one.kernels(10, 1e-6, "wait")()
        one.synchronize()
        one.kernels(10, 1e-6, "")()

    return span


@pytest.mark.parametrize(
    ("given", "made"),
    [({}, waits), ({}, lambda one: one.kernels(3000, 1e-6, "many")),
     ({"launch": 1e-3}, lambda one: one.kernels(200, 1e-6, "long"))],
)  # fmt: skip
def test_what_cannot_be_held_back_is_said_and_not_tried_for_ever(
    gpu: Made, given: dict[str, Any], made: Callable[[Gpu], Callable[[], None]]
) -> None:
    one = gpu(**given)
    read = clock.stopwatch({"step": made(one), "other": one.kernels(2, 1e-6, "other")}, "cuda", flushed=False)
    first = read()
    before, begin = holds(one), one.now
    later = read()
    assert first.late == later.late == {"step"}
    assert later.seconds["other"] == pytest.approx(2e-6)
    # A hold for each of the two, no more, and neither is for long.
    assert holds(one) == before + 2
    assert one.now - begin < 2 * (later.wall["step"] + held.LONGEST) + 1e-3


def test_what_could_not_be_held_back_once_may_be_later(gpu: Made) -> None:
    one, slow = gpu(), [0.5]

    def span() -> None:
        one.now += slow[0]
        one.kernels(10, 1e-6, "step")()

    read = clock.stopwatch({"step": span}, "cuda", flushed=False)
    assert read().late == {"step"}
    slow[0] = 0.0
    found = read()
    assert (found.late, found.seconds) == (frozenset(), {"step": pytest.approx(10e-6)})


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Time that passes as it is told."""
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return now


@pytest.mark.parametrize(("device", "least"), [("cuda", 0.5), ("cpu", 0.0)])
def test_a_gpu_is_warm_after_half_a_second_whatever_it_was_given(
    running: list[float], device: str, least: float
) -> None:
    def read() -> clock.Sample:
        running[0] += 0.001
        return clock.Sample({"step": 0.001})

    for seconds in (0.1, 6.0):
        begin = running[0]
        clock.settle(read, seconds, clock.WARM.get(device, 0.0))
        # The first, and two medians of five.
        assert running[0] - begin == pytest.approx(max(least, 0.011), abs=0.006)


@pytest.mark.parametrize(("device", "least"), [("cuda", 0.5), ("cpu", 0.0)])
def test_every_child_that_times_a_gpu_warms_it_up(
    group: Callable[..., list[Cell]], monkeypatch: pytest.MonkeyPatch, device: str, least: float
) -> None:
    warmed: list[tuple[float, float]] = []
    monkeypatch.setattr("linrec_cli.machine.prepare", lambda threads: None)
    monkeypatch.setattr(clock, "stopwatch", lambda *given, **more: lambda: clock.Sample({"copy": 1.0, "matmul": 1.0}))
    monkeypatch.setattr(clock, "settle", lambda watch, seconds, least: warmed.append((seconds, least)))
    (cell,) = group("linear")
    child = clock.measure(replace(cell, device=device), lambda cell: Work({}, lambda: None, lambda: None, False))
    next(child)
    child.send(0.25)
    for name in ("ones", "randn"):
        monkeypatch.setattr(torch, name, lambda *given, **more: torch.zeros(4))
    ceiling = roofline.measure(device, "float32", 1, 0.5)
    next(ceiling)
    next(ceiling)
    assert warmed == [(0.25, least)] * 2
