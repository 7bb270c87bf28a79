"""Bootstrap and corrections against brute force, closed forms and numbers worked by hand."""

import math

import numpy as np
import polars as pl
import pytest

from linrec_cli.analysis import significance
from linrec_cli.analysis.significance import (
    DRAWS,
    Difference,
    differences,
    from_errors,
    holm,
    paired,
    seed_error,
    t_test,
)


def frame(*seeds):
    return pl.DataFrame({str(number): values for number, values in enumerate(seeds)})


def test_differences_align_users_and_seeds_by_name() -> None:
    base = {0: pl.DataFrame({"user": [1, 2, 3], "rank": [1.0, 2.0, 20.0]}), 7: pl.DataFrame({"user": [1], "rank": [1]})}
    new = {0: pl.DataFrame({"user": [3, 1, 2], "rank": [1.0, 11.0, 2.0]}), 8: pl.DataFrame({"user": [1], "rank": [1]})}
    found = differences(base, new, "ndcg", 10)
    assert found.columns == ["0"]
    assert sorted(found["0"].to_list()) == [-1.0, 0.0, 1.0]
    assert differences(base, new, "ndcg", 1).equals(differences(base, new, "recall", 1))


def test_the_bootstrap_agrees_with_drawing_users_one_by_one() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.1, 1, 60).round(1)
    drawn = [np.mean([values[rng.integers(60)] for _ in range(60)]) for _ in range(4000)]
    found = paired(frame(values))
    error = np.std(drawn)
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(low, abs=0.15 * error)
    assert found.high == pytest.approx(high, abs=0.15 * error)
    below = 2 * min(np.mean(np.array(drawn) <= 0), np.mean(np.array(drawn) >= 0))
    assert found.p == pytest.approx(below, abs=0.05)


def test_the_bootstrap_is_that_of_a_plain_loop_over_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten draws at once.
    monkeypatch.setattr(significance, "HELD", 40)
    values = [0.5, -0.25, 0.5, 1.0, -0.25, 0.0, 0.5]
    found = paired(frame(values), seed=3, draws=57)
    rng, distinct = np.random.default_rng(3), [-0.25, 0.0, 0.5, 1.0]
    means = []
    for _ in range(57):
        times = rng.multinomial(7, [2 / 7, 1 / 7, 3 / 7, 1 / 7])
        drawn = [value for value, count in zip(distinct, times, strict=True) for _ in range(count)]
        means.append(sum(drawn) / len(drawn))
    assert found.value == pytest.approx(2.0 / 7)
    assert (found.low, found.high) == pytest.approx((percentile(means, 0.025), percentile(means, 0.975)))
    beyond = min(sum(mean <= 1e-15 for mean in means), sum(mean >= -1e-15 for mean in means))
    assert found.p == pytest.approx(2 * (beyond + 1) / 58)
    assert 0 < beyond < 57


def percentile(values, share):
    """Interpolate between the two values that a share of all lies between."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def test_the_same_data_give_the_same_answer_and_the_order_of_users_changes_nothing() -> None:
    values = np.random.default_rng(2).normal(size=(200, 3)).round(2)
    one = paired(frame(*values.T))
    assert one == paired(frame(*values.T))
    turned = paired(frame(*values[::-1].T))
    assert (turned.low, turned.high, turned.p) == pytest.approx((one.low, one.high, one.p))
    assert one.value == pytest.approx(values.mean())


def test_no_difference_anywhere_is_certain_and_a_difference_everywhere_is_as_sure_as_the_draws() -> None:
    assert paired(frame([0.0] * 50, [0.0] * 50)) == Difference(0.0, 0.0, 0.0, 1.0)
    sure = paired(frame([0.5] * 50))
    assert (sure.value, sure.low, sure.high) == (0.5, 0.5, 0.5)
    assert sure.p == pytest.approx(2 / (DRAWS + 1))


def test_what_seeds_add_is_their_variance_less_what_users_make_of_it() -> None:
    # Two users, two seeds: seeds' means 1 and 3, their variance 2; nothing else differs.
    assert seed_error(np.array([[1.0, 3.0], [1.0, 3.0]])) == pytest.approx(math.sqrt(2 / 2))
    # Seeds' means 0.5 and 1.5, their variance 0.5; the rest is 0.5 four times: 1 over 1 degree, half of it each user.
    assert seed_error(np.array([[0.0, 2.0], [1.0, 1.0]])) == 0.0
    # Means 1/3 and 3, their variance 32/9; the rest 48/9 over 2 degrees, a third of it each user's: 8/9.
    assert seed_error(np.array([[0.0, 4.0], [1.0, 1.0], [0.0, 4.0]])) == pytest.approx(math.sqrt(24 / 9 / 2))
    # Of three seeds with means 0, 3 and 6, and nothing else, the variance is 9.
    assert seed_error(np.array([[0.0, 3.0, 6.0]] * 4)) == pytest.approx(math.sqrt(9 / 3))


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    users = rng.normal(0, 0.1, (400, 1))
    calm, torn = users + rng.normal(0, 0.1, (400, 3)), users + np.array([0.1, 0.2, 0.6])
    assert paired(frame(*calm.T + 0.3)).p < 0.01
    assert paired(frame(*torn.T)).p > 0.05


def test_what_seeds_add_has_the_tails_of_student_s_t_with_one_degree_less_than_seeds() -> None:
    # Users are all alike. Seeds' means have the standard errors .1 and .1 / sqrt(3).
    two = paired(frame([0.1] * 50, [0.3] * 50), draws=100_000)
    assert two.high - two.value == pytest.approx(0.1 * 12.706, rel=0.07)
    three = paired(frame([0.0] * 50, [0.1] * 50, [0.2] * 50), draws=100_000)
    assert three.value - three.low == pytest.approx(0.1 / math.sqrt(3) * 4.303, rel=0.05)


def test_under_no_difference_one_answer_in_twenty_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linrec_cli.analysis.significance.DRAWS", 400)
    rng = np.random.default_rng(4)
    tables = (rng.normal(0, 0.5, (80, 1)) + rng.normal(size=(80, 3)) for _ in range(300))
    called = [paired(frame(*table.T), seed).p <= 0.05 for seed, table in enumerate(tables)]
    # Expected 15 of 300 at most; 28 is three standard deviations above.
    assert sum(called) <= 28


def test_standard_errors_alone_give_the_normal_answer() -> None:
    one = from_errors([0.2], [0.1])
    assert one.p == pytest.approx(0.0455, abs=1e-4)
    assert (one.low, one.high) == pytest.approx((0.2 - 0.196, 0.2 + 0.196), abs=1e-4)
    # Two seeds, 0.1 and 0.3: their variance 0.02 adds 0.01 to the users' 0.01.
    two = from_errors([0.1, 0.3], [0.1, 0.1])
    assert two.high - two.value == pytest.approx(1.959964 * math.sqrt(0.02))
    assert from_errors([0.0], [0.0]) == Difference(0.0, 0.0, 0.0, 1.0)
    assert from_errors([0.1], [0.0]).p == 0.0


def test_holm_worked_by_hand() -> None:
    # Sorted .005, .01, .03, .04: times 4, 3, 2, 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_t_worked_by_hand() -> None:
    # Differences of mean 2 and variance 2.5: t is 2 / sqrt(2.5 / 5), with 4 degrees of freedom.
    effect, t, p = t_test(np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    assert effect == pytest.approx(2 / math.sqrt(2.5))
    assert t == pytest.approx(math.sqrt(8))
    # Of 4 degrees the tail has a closed form in the sine of the angle whose tangent is t / 2.
    sine = t / math.sqrt(4 + t * t)
    assert p == pytest.approx(1 - sine * (3 - sine**2) / 2)
    less = t_test(np.array([0.0, -1.0, -2.0, -3.0, -4.0]))
    assert less == pytest.approx((-effect, -t, p))


def test_t_of_two_pairs_is_cauchy() -> None:
    # 1 and 3: mean 2, its error 1.
    assert t_test(np.array([1.0, 3.0]))[1:] == pytest.approx((2.0, 1 - 2 * math.atan(2) / math.pi))


def test_differences_that_are_all_the_same_are_sure_or_none_at_all() -> None:
    assert t_test(np.zeros(9)) == (0.0, 0.0, 1.0)
    assert t_test(np.full(49, 0.1)) == (math.inf, math.inf, 0.0)
    assert t_test(np.full(49, -0.1)) == (-math.inf, -math.inf, 0.0)


def test_the_bootstrap_and_t_agree_on_many_users() -> None:
    values = np.random.default_rng(5).normal(0.05, 0.5, 900).round(1)
    assert paired(frame(values)).p == pytest.approx(t_test(values)[2], rel=0.4)
