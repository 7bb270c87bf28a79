"""An axis of costs can be read whatever it spans."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from linrec_cli.plots import scales, style


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


@pytest.mark.parametrize(("low", "high"), [(0.1112, 0.13), (0.099, 0.1), (0.18, 0.207), (0.0, 1.0)])
@pytest.mark.parametrize("kind", ["quality", "cost"])
@pytest.mark.parametrize("wide", [3.0, 4.0, 4.5, 5.0])
def test_numbers_below_a_panel_do_not_touch(wide, kind, low, high):
    figure = Figure(figsize=(wide, 3), layout="constrained")
    axes = figure.subplots()
    style.plain(axes)
    axes.set_yticks([0.0], ["linear-gated"])
    scales.values(axes, [low, high], kind, above=0.0, axis="x")
    figure.draw_without_rendering()
    labels = (text for text in axes.get_xticklabels() if text.get_text())
    boxes = sorted((text.get_window_extent() for text in labels), key=lambda box: box.x0)
    assert len(boxes) >= 3
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
