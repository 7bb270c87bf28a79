"""Panels stand in rows that leave no gap."""

import pytest
from matplotlib.figure import Figure

from linrec_cli.plots import layout


@pytest.mark.parametrize(
    ("count", "across", "rows"),
    [(1, 2, [1]), (2, 2, [2]), (3, 2, [2, 1]), (4, 3, [2, 2]), (5, 3, [3, 2]), (5, 1, [1] * 5), (7, 3, [3, 2, 2])],
)
def test_rows_are_as_even_as_can_be_and_as_few(count, across, rows):
    assert layout.shares(count, across) == rows


@pytest.mark.parametrize(("count", "across"), [(3, 2), (5, 3), (4, 2)])
def test_each_row_is_as_wide_as_the_figure(count, across):
    every = layout.panels(Figure(), count, across)
    places = [axes.get_position() for axes in every]
    for height in {round(place.y0, 6) for place in places}:
        row = [place for place in places if round(place.y0, 6) == height]
        assert (min(place.x0 for place in row), max(place.x1 for place in row)) == pytest.approx((0.125, 0.9))


def test_panels_of_one_scale_share_it_and_say_it_once_a_row():
    every = layout.panels(Figure(), 4, 2, one_scale=True)
    every[0].set_ylim(3, 4)
    assert [axes.get_ylim() for axes in every] == [(3, 4)] * 4
    assert [axes.yaxis.get_tick_params()["labelleft"] for axes in every] == [True, False] * 2
