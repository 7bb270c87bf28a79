"""Warm-up and turns end when they should."""

import time

import pytest

from linrec_cli.profiling import clock


def watch(seconds):
    """Make a clock that reads given numbers, the last one again and again."""
    left = list(seconds)
    return lambda: {"step": left.pop(0) if len(left) > 1 else left[0]}


def test_warming_up_ends_when_two_medians_agree():
    numbers = [9.0] + [5.0] * 5 + [1.0] * 5 + [1.01] * 5 + [7.0]
    read = watch(numbers)
    clock.settle(read, 60)
    assert read()["step"] == 7.0


def test_warming_up_of_what_never_settles_ends_with_its_time():
    begin, count = time.perf_counter(), iter(range(10**9))
    clock.settle(lambda: {"step": float(next(count) ** 2)}, 0.1)
    assert time.perf_counter() - begin < 5


def test_a_turn_takes_at_least_one_sample_and_at_most_its_number():
    assert clock.turn(watch([1.0]), 0.0) == [{"step": 1.0}]
    assert len(clock.turn(watch([1.0]), 60)) == clock.TURN


def test_the_first_of_quick_samples_is_thrown_away():
    assert clock.turn(watch([0.001, 0.0001]), 60) == [{"step": 0.0001}] * clock.TURN


def test_quantiles_are_those_of_the_samples():
    assert clock.quantiles([float(n) for n in range(11)]) == pytest.approx((2.0, 5.0, 8.0))


@pytest.mark.parametrize(("ways", "runs"), [(True, [2, 1]), (False, [1, 1])])
def test_a_quick_way_to_do_the_same_runs_once_untimed_before_it_is_timed(ways, runs):
    counts = {"quick": 0, "slow": 0}

    def span(name, seconds):
        def run():
            counts[name] += 1
            time.sleep(seconds)

        return run

    spans = {"quick": span("quick", 0), "slow": span("slow", 2 * clock.QUICK)}
    read = clock.stopwatch(spans, "cpu", flushed=False, ways=ways)
    read()
    counts.update(quick=0, slow=0)
    assert read().keys() == spans.keys()
    assert [*counts.values()] == runs
