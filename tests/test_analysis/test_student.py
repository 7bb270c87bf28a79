"""Student's t against printed tables, closed forms, numerical integration, and scipy where it is there."""

import math

import pytest

from linrec_cli.analysis.student import beta, two_sided


@pytest.mark.parametrize(
    ("t", "df", "p"),
    # As tables of the t distribution print them.
    [(12.706, 1, 0.05), (2.262, 9, 0.05), (2.228, 10, 0.05), (3.250, 9, 0.01), (1.833, 9, 0.10), (2.042, 30, 0.05),
     (3.646, 30, 0.001), (1.980, 120, 0.05), (0.700, 10, 0.5), (4.318, 12, 0.001)],
)  # fmt: skip
def test_quantiles_of_printed_tables_have_their_probability(t: float, df: int, p: float) -> None:
    assert two_sided(t, df) == pytest.approx(p, rel=2e-3)
    assert two_sided(-t, df) == two_sided(t, df)


@pytest.mark.parametrize("t", [0.0, 0.01, 0.5, 1.0, 3.0, 40.0, 1e4])
def test_one_and_two_degrees_of_freedom_have_closed_forms(t: float) -> None:
    # 2 / pi times the arcus tangens of 1 / t loses no digits in the tail.
    assert two_sided(t, 1) == pytest.approx(2 / math.pi * math.atan2(1, t), rel=1e-12)
    assert two_sided(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-7, abs=1e-15)


@pytest.mark.parametrize("df", [3, 4, 17, 942])
def test_the_tail_is_the_integral_of_the_density(df: int) -> None:
    log = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    t, steps = 1.3, 2000
    width = t / steps
    density = [math.exp(log - (df + 1) / 2 * math.log1p((width * n) ** 2 / df)) for n in range(steps + 1)]
    # Simpson's rule.
    inner = density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2])
    assert two_sided(t, df) == pytest.approx(1 - 2 * inner * width / 3, rel=1e-9)


@pytest.mark.parametrize("t", [0.1, 1.0, 1.959964, 4.0])
def test_many_degrees_of_freedom_are_a_normal_distribution(t: float) -> None:
    assert two_sided(t, 5e6) == pytest.approx(math.erfc(t / math.sqrt(2)), rel=1e-4)


def test_the_incomplete_beta_function_has_its_ends_and_its_symmetry() -> None:
    assert (beta(3, 0.5, 0.0, 1.0), beta(3, 0.5, 1.0, 0.0)) == (0.0, 1.0)
    for x in (0.01, 0.3, 0.5, 0.9):
        assert beta(2.5, 4.0, x, 1 - x) + beta(4.0, 2.5, 1 - x, x) == pytest.approx(1.0, rel=1e-12)
        # Of whole a and b it is a binomial tail: at least 2 of 3.
        assert beta(2, 2, x, 1 - x) == pytest.approx(3 * x**2 - 2 * x**3)
    assert two_sided(0.0, 7) == pytest.approx(1.0)
    assert two_sided(math.inf, 7) == two_sided(-math.inf, 7) == 0.0


def test_it_equals_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for df in (1, 2, 5, 29, 942, 137_765):
        for t in (1e-6, 0.3, 1.0, 2.5, 8.0, 30.0):
            assert two_sided(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9)
