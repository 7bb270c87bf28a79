"""The rule on costs: cases worked by hand, then its rates of error on drawn runs, where nothing is timed."""

import numpy as np
import pytest

from linrec_cli.analysis.judge_cost import judged, relative, runs_needed, spread

FIVE = [1.00, 1.01, 1.02, 1.01, 1.00]


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([1.10, 1.11, 1.12, 1.11, 1.10], "regression"),
        ([0.90, 0.91, 0.92, 0.91, 0.90], "improved"),
        # All worse than all, but under the threshold.
        ([1.03, 1.04, 1.05, 1.04, 1.03], "ok"),
        (FIVE, "ok"),
        # One new run is no worse than the worst base run.
        ([1.10, 1.11, 1.02, 1.11, 1.10], "inconclusive"),
        # Twice the noise is more than the threshold.
        ([1.00, 1.08, 0.95, 1.05, 1.02], "inconclusive"),
    ],
)
def test_the_rule_by_hand(new, verdict):
    assert judged(FIVE, new, 0.05, 0.01)[0] == verdict


def test_twice_the_noise_must_be_exceeded_too():
    base, new = [1.0, 1.1, 1.0, 1.1, 1.05], [1.15, 1.25, 1.15, 1.25, 1.2]
    # Of ten pairs a side four differ by 0.1, two not at all, four by 0.05: on average 0.06.
    assert spread(base) == pytest.approx(0.06 / 1.05)
    assert relative(1.05, 1.2) > 2 * spread(base, new)
    assert judged(base, new, 0.05, 0.01)[0] == "regression"
    lower = [value - 0.04 for value in new]
    assert min(lower) > max(base)
    assert judged(base, lower, 0.05, 0.01)[0] == "inconclusive"


def test_too_few_runs_say_how_many_would_do():
    verdict, change, noise, note = judged([1.0], [2.0], 0.05, 0.01)
    assert (verdict, change, noise) == ("inconclusive", 1.0, None)
    assert note == "1 and 1 runs; 5 a side will do"
    # Many on one side alone will not do.
    for base, new in ((FIVE, [2.0]), ([1.0], [2.0] * 5)):
        verdict, *_, note = judged(base, new, 0.05, 0.01)
        assert (verdict, note) == ("inconclusive", f"{len(base)} and {len(new)} runs; 5 a side will do")
    # 1 / C(10, 5) = 1/252, 1 / C(8, 4) = 1/70, 1 / C(6, 3) = 1/20.
    assert [runs_needed(chance) for chance in (0.01, 0.02, 0.05, 0.5)] == [5, 4, 3, 1]
    assert judged(FIVE, [2.0, 2.0], 0.05, 0.05)[0] == "regression"


def test_what_is_counted_needs_one_run():
    assert judged([1000], [1030], 0.01, 0.01, counted=True)[0] == "regression"
    assert judged([1000], [1005], 0.01, 0.01, counted=True)[0] == "ok"
    assert judged([0], [0], 0.01, 0.01, counted=True)[:2] == ("ok", 0.0)
    assert judged([0], [8], 0.01, 0.01, counted=True)[0] == "regression"


def draws(rng, shape, noise, slower=0.0):
    """Draw runs around one: as much noise as asked for, and now and then a run that a neighbour slowed down."""
    runs = np.exp(rng.normal(0, noise, shape)) * (1 + slower)
    return runs * np.where(rng.random(shape) < 0.03, 1 + rng.uniform(0.05, 0.3, shape), 1)


@pytest.mark.parametrize(("noise", "false"), [(0.01, 2), (0.03, 6), (0.08, 10)])
def test_of_1000_comparisons_of_the_same_code_at_most_one_in_a_hundred_is_called_a_regression(noise, false):
    rng = np.random.default_rng(0)
    base, new = draws(rng, (1000, 5), noise), draws(rng, (1000, 5), noise)
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") <= false


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_nor_where_a_neighbour_makes_some_runs_take_twice_as_long(share):
    rng = np.random.default_rng(0)
    base, new = (np.exp(rng.normal(0, 0.02, (1000, 5))) * np.where(rng.random((1000, 5)) < share, 2, 1) for _ in "ab")
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") <= 10


def test_a_slowdown_of_15_per_cent_is_found_95_times_in_100_where_two_runs_differ_by_three_and_a_half():
    rng = np.random.default_rng(1)
    # Two draws of a normal distribution differ by 1.128 of its standard deviations on average.
    noise = 0.035 / 1.128
    base, new = (np.exp(rng.normal(0, noise, (1000, 5))) * slow for slow in (1, 1.15))
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") >= 950
    assert found.count("ok") == 0


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1, 0.3])
def test_a_slowdown_of_15_per_cent_is_never_called_ok_however_noisy_the_machine(noise):
    rng = np.random.default_rng(2)
    base, new = draws(rng, (1000, 5), noise), draws(rng, (1000, 5), noise, slower=0.15)
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("ok") <= 1
