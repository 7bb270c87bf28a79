"""What was timed beside others is ringed, and named below."""

import polars as pl
import pytest
from matplotlib.figure import Figure

from linrec_cli.plots import contended

KINDS = {"mechanism": pl.String, "maxlen": pl.Int32, "x": pl.Float64, "y": pl.Float64, "contended": pl.Boolean}
POINTS = [("a", 1000, 1.0, 10.0, True), ("a", 2000, 2.0, 20.0, True), ("b", 1000, 3.0, 30.0, False),
          ("c", 1000, 4.0, None, True), ("d", 1000, 5.0, 50.0, None)]  # fmt: skip


def points(*rows):
    return pl.DataFrame(rows, schema=KINDS, orient="row")


def test_a_ring_lies_around_each_contended_point_that_is_drawn():
    axes = Figure().subplots()
    contended.ring(axes, "x", "y", points(*POINTS))
    (rings,) = axes.lines
    assert rings.get_xydata().tolist() == [[1, 10], [2, 20]]
    assert (rings.get_markerfacecolor(), rings.get_linestyle()) == ("none", "None")


def test_where_all_was_quiet_there_is_neither_ring_nor_line():
    axes = Figure().subplots()
    contended.ring(axes, "x", "y", points(*POINTS[2:3]))
    assert len(axes.lines) == 0
    assert contended.said(points(*POINTS[2:3], POINTS[4])) == []


@pytest.mark.parametrize(
    ("some", "said"),
    [(slice(0, 3), "contended: a at 1,000, 2,000 ("), (slice(0, 4), "contended: a at 1,000, 2,000; c at 1,000 ("),
     (slice(0, 2), "contended: every time (")],
)  # fmt: skip
def test_the_line_below_names_them(some, said):
    (line,) = contended.said(points(*POINTS[some]))
    assert line == said + "ringed: timed while others used the cores or the GPU)"
