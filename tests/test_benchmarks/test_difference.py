"""Whether two trainings differ by more than chance: held against Student's density, summed."""

import math
import statistics

import numpy as np
import pytest
from passages._difference import Difference, beyond, difference
from passages._line import Line


def line_of(*values: float) -> Line:
    """Make trainings that came to some NDCG@10, a seed each, with an error of .01 over users."""
    score = {"metric": "ndcg", "stage": "test", "k": 10}
    rows = [score | {"value": value, "high": value + 0.01, "seed": seed} for seed, value in enumerate(values)]
    return Line("d", "sasrec", 200, "linear", rows)


def two_sided(t: float, degrees: float) -> float:
    """Sum Student's density outside of `t`."""
    steps = np.linspace(0, t, 20_001)
    scale = math.gamma((degrees + 1) / 2) / math.gamma(degrees / 2) / math.sqrt(degrees * math.pi)
    density = scale * (1 + steps**2 / degrees) ** (-(degrees + 1) / 2)
    return 1 - 2 * float(((density[1:] + density[:-1]) / 2 * np.diff(steps)).sum())


def test_the_error_of_a_mean_over_three_seeds_is_theirs_and_of_fewer_that_over_users() -> None:
    assert line_of(0.1, 0.2, 0.3).error == pytest.approx(0.1 / 3**0.5)
    assert line_of(0.1, 0.3).error == pytest.approx(0.01)
    assert line_of(0.1).error == pytest.approx(0.01)


def test_a_difference_over_seeds_is_judged_by_welch_s_t() -> None:
    high, low = (0.4, 0.5, 0.9), (0.1, 0.2, 0.3, 0.4)
    found, one, two = difference(line_of(*high), line_of(*low)), *(statistics.variance(v) / len(v) for v in (high, low))
    assert found.gain == pytest.approx(0.35)
    assert found.error == pytest.approx((one + two) ** 0.5)
    degrees = (one + two) ** 2 / (one**2 / 2 + two**2 / 3)
    assert found.p == pytest.approx(two_sided(found.gain / found.error, degrees), abs=1e-6)


def test_one_over_users_has_no_degrees_to_lose_and_beside_seeds_theirs_count() -> None:
    found = difference(line_of(0.2), line_of(0.2 - 1.959964 * 0.01 * 2**0.5))
    assert found.p == pytest.approx(0.05, abs=1e-6)
    mixed, seeds = difference(line_of(0.14), line_of(0.1, 0.11, 0.12)), 0.01**2 / 3
    degrees = (0.01**2 + seeds) ** 2 / (seeds**2 / 2)
    assert mixed.p == pytest.approx(two_sided(mixed.gain / mixed.error, degrees), abs=1e-6)


def test_it_is_written_with_sign_error_and_probability() -> None:
    assert str(difference(line_of(0.15), line_of(0.1))) == "+.0500 ± .0141"
    assert str(difference(line_of(0.1), line_of(0.15))) == "-.0500 ± .0141"
    assert difference(line_of(0.9), line_of(0.1)).chance == "p < .001"
    assert difference(line_of(0.1), line_of(0.1)).chance == "p 1.000"


def test_what_is_more_than_chance_alone_may_be_none_among_many() -> None:
    found = [Difference(0.1, 0.04, 0.03), Difference(-0.1, 0.04, 0.04), Difference(0.1, 0.01, 0.001)]
    assert beyond(found) == [True, True, True]
    assert beyond(found, together=True) == [False, False, True]
    assert beyond([Difference(0.1, 0.05, 0.051)]) == [False]


def test_seeds_that_all_came_to_the_same_are_no_difference_to_themselves() -> None:
    same = line_of(0.1, 0.1, 0.1)
    assert difference(same, same).p == 1.0
    assert difference(line_of(0.2, 0.2, 0.2), same).p == 0.0
