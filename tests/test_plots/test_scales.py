"""An axis of costs can be read whatever it spans."""

import pytest
from matplotlib.figure import Figure

from linrec_cli.plots import scales


def ticked(low, high):
    """An axis for these costs: its ends and the ticks between them."""
    axes = Figure(figsize=(4, 3)).subplots()
    scales.costs(axes, [low, high])
    left, right = axes.get_xlim()
    return left, right, [tick for tick in axes.get_xticks() if left <= tick <= right]


@pytest.mark.parametrize("low", [0.0037, 1.0, 1.7, 180.0, 99_000.0])
@pytest.mark.parametrize("span", [1.0, 1.3, 2.0, 3.0, 5.0, 7.9, 20.0, 300.0])
def test_an_axis_of_costs_holds_them_with_at_least_three_ticks(low, span):
    left, right, ticks = ticked(low, low * span)
    assert left < low <= low * span < right
    assert 3 <= len(ticks) <= 10


def test_costs_that_are_all_but_the_same_look_so():
    left, right, _ = ticked(188.0, 194.0)
    assert right / left >= 1.5
    assert left * right == pytest.approx(188.0 * 194.0)
