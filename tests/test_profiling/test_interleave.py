"""Mechanisms take turns, there and back; who fails or has had its time is left out, and company is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from linrec_cli.profiling import interleave
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.clock import Sample
from linrec_cli.profiling.interleave import TURNS, WARM, Timed
from linrec_cli.profiling.isolate import Answer
from linrec_cli.profiling.nvml import Reading
from linrec_cli.usage import Usage

Group = Callable[..., list[Cell]]


class Gpu:
    """One that tells of another process from its third reading on."""

    def __init__(self) -> None:
        self.asked = 0

    def reading(self) -> Reading:
        self.asked += 1
        return Reading(1e9, 50.0, int(self.asked > 2))


class Ready:
    """A child that always has one sample, a tenth of a second, and notes in a log when it was asked for what.

    In its turns it was put aside `aside` times and had the CPU for `cpu` seconds, and from turn `ends` on it gives no
    answer.
    """

    def __init__(
        self, name: str, log: list[tuple[str, Any]], aside: tuple[int, ...] = (), cpu: float = 0.1, ends: int = 99
    ) -> None:
        self.name, self.log, self.aside, self.cpu, self.ends, self.turn = name, log, [*aside], cpu, ends, -1

    def answer(self, seconds: float) -> Answer:
        return Answer("ok")

    def ask(self, message: float | None, seconds: float) -> Answer:
        self.log.append((self.name, message))
        if message is None:
            return Answer("ok", {"step": 3.0})
        self.turn += 1
        if self.turn > self.ends:
            return Answer("timeout", note="no answer")
        aside = self.aside.pop(0) if self.aside and self.turn else 0
        return Answer("ok", ([Sample({"step": 0.1})], Usage(0.1, self.cpu, aside)))


def timed(group: Group, *names: str, **more: Any) -> tuple[list[Timed], list[tuple[str, Any]]]:
    """Make children that log into one list."""
    log: list[tuple[str, Any]] = []
    return [Timed(cell, Ready(cell.attn, log, **more), 1) for cell in group(*names, threads=1)], log


def test_all_warm_up_and_then_take_turns_there_and_back(group: Group) -> None:
    taking, log = timed(group, "a", "b", "c")
    interleave.take_turns(taking, 10.0, None)
    there, back = list("abc"), list("cba")
    assert [name for name, _ in log] == there + there + back + there + back + there
    assert [seconds for _, seconds in log] == pytest.approx([10 * WARM] * 3 + [10 * (1 - WARM) / TURNS] * 3 * TURNS)
    assert [len(one.samples) for one in taking] == [TURNS] * 3


def test_what_ends_in_a_later_turn_has_ended_and_the_rest_goes_on(group: Group) -> None:
    (one, other), log = timed(group, "a", "b")
    one.child.ends = 2
    interleave.take_turns([one, other], 10.0, None)
    assert (one.failed, other.failed) == (Answer("timeout", note="no answer"), None)
    assert len(other.samples) == TURNS
    # Warmed up, two turns, and the one that it did not end.
    assert [name for name, _ in log].count("a") == 4


def test_what_ends_before_its_first_turn_has_none(group: Group) -> None:
    (one,), log = timed(group, "a", ends=-1)
    interleave.take_turns([one], 10.0, None)
    assert (one.failed, len(log), one.samples) == (Answer("timeout", note="no answer"), 1, [])


def test_who_has_had_its_time_has_one_turn_at_least_and_no_more(group: Group) -> None:
    (one,), log = timed(group, "a")
    one.spent = 11.0
    interleave.take_turns([one], 10.0, None)
    assert (len(one.samples), len(log)) == (1, 2)


def test_a_time_beside_another_process_on_the_gpu_is_contended_and_its_energy_is_asked_for(group: Group) -> None:
    (one,), _ = timed(group, "a")
    gpu = Gpu()
    interleave.warm(one, 1.0)
    interleave.take(one, 1.0, gpu)
    # Once before the first turn, and after each.
    assert (gpu.asked, one.contended) == (2, False)
    interleave.take_turns([one], 1.0, gpu)
    assert (len(one.readings), one.contended, one.joules) == (2 + TURNS, True, {"step": 3.0})


@pytest.mark.parametrize(
    ("aside", "cpu", "contended"),
    [((9, 1, 1, 1, 1), 0.1, False), ((9, 9, 9, 9, 1), 0.1, True), ((0,), 0.08, True)],
)
def test_a_time_is_contended_by_what_it_took_of_the_machine_over_all_its_turns(
    group: Group, aside: tuple[int, ...], cpu: float, contended: bool
) -> None:
    (one,), _ = timed(group, "a", aside=aside, cpu=cpu)
    interleave.take_turns([one], 10.0, None)
    assert one.used == pytest.approx((0.5, 5 * cpu, sum(aside)))
    assert one.contended == contended


def test_a_process_that_waits_for_a_gpu_is_not_contended(group: Group) -> None:
    (one,), _ = timed(group, "a", cpu=0.01)
    one.cell = replace(one.cell, device="cuda")
    interleave.take_turns([one], 10.0, None)
    assert not one.contended


def test_a_cap_is_shared_by_need() -> None:
    assert interleave.share(100, [10.0, 30.0]) == [40, 60]
    assert interleave.share(100, [10.0]) == [100]
