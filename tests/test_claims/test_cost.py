"""Each mechanism costs what its docstring says, by count of what torch dispatches; lengths and widths are real."""

import costs
import pytest


@pytest.mark.parametrize(
    ("formula", "symbol", "expected"),
    [
        ("T^2 D", "T", 2),
        ("T^2 D", "D", 1),
        ("T (M + W) D + M^3", "T", 1),
        ("T (M + D) + M^2", "M", 2),
        ("T K D", "C", 0),
    ],
)
def test_exponents_are_read_from_a_formula(formula: str, symbol: str, expected: int) -> None:
    assert costs.degree(formula, symbol) == pytest.approx(expected, abs=1e-9)


def test_exponents_are_found_in_counts() -> None:
    assert costs.exponent(lambda n: 7 * n * n, 64) == pytest.approx(2)
    assert costs.exponent(lambda n: 3 * n + 1000, 64) == pytest.approx(1)
    assert costs.exponent(lambda n: 5, 64) == 0


@pytest.mark.parametrize(("name", "form"), costs.CASES)
def test_a_mechanism_costs_what_it_says(name: str, form: str) -> None:
    said, found = costs.stated(name), costs.exponents(name, form)
    for symbol in ("T", "D"):
        # One head has all the channels here.
        exponent = max(costs.degree(said["operations"], s) for s in (symbol, symbol.replace("D", "C")))
        assert found[symbol] == pytest.approx(exponent, abs=0.1), symbol
    # A mean keeps nothing, whatever it says it works on.
    assert found["memory"] <= costs.degree(said["memory"], "T") + 0.1


def test_linear_needs_fewer_operations_than_softmax_from_some_length_on() -> None:
    lengths = (64, 256, 1024, 4096)
    ratio = [
        costs.count("linear", "causal", n, 32).operations / costs.count("softmax", "causal", n, 32).operations
        for n in lengths
    ]
    assert ratio == sorted(ratio, reverse=True)
    assert ratio[0] > 1 > ratio[-1]
