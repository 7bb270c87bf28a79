"""Quality, time and memory against sequence length: a panel each, a line a mechanism."""

from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from linrec_cli.plots import contended, line_names, line_panel, row_panel, scales, style
from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.groups import Group, groups, looks, titles
from linrec_cli.plots.panels import PANELS

NEEDS = "a time, a peak or a quality"
FLAT = 0.7
"""Height of a panel as a share of its width."""
ACROSS = 2
"""Panels side by side where no width is asked for."""
LINE, EDGES = 0.17, 0.7
"""Inches of height that a mechanism's name takes, and the title and ticks of a panel."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[Drawn]:
    """Draw all figures over length that a results table has data for; a mechanism looks the same in each."""
    found = groups(table)
    given = looks(found)
    for group in found:
        yield Drawn(group.stem, draw(group, given, wide), group.points, group.keys["command"])


def draw(group: Group, given: style.Looks, wide: float | None = None) -> Figure:
    """Draw a group's points: a panel for each kind of number there is, side by side as far as the width goes."""
    points = group.points
    chosen = [panel for panel in PANELS if panel.name in points["panel"]]
    across = min(len(chosen), max(1, int(wide / style.NARROW)) if wide else ACROSS)
    deep = -(-len(chosen) // across)
    wide = wide or style.WIDE * across
    high = max(FLAT * wide / across, LINE * points["mechanism"].n_unique() + EDGES)
    figure = Figure(figsize=(wide, deep * high + 0.7), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    heading, detail = titles(group.keys)
    style.titled(figure, heading, [detail, *contended.said(points)])
    every_axes = [figure.add_subplot(deep, across, number + 1) for number in range(len(chosen))]
    if points["maxlen"].drop_nulls().n_unique() == 1:
        for axes, panel in zip(every_axes, chosen, strict=True):
            row_panel.fill(axes, panel, points, given)
        return figure
    ends = [line_panel.fill(axes, panel, points, given) for axes, panel in zip(every_axes, chosen, strict=True)]
    # Names keep their distance in points, so the axes must have their height; what they leave is the axes' width.
    figure.draw_without_rendering()
    for axes, mine in zip(every_axes, ends, strict=True):
        line_names.at_ends(axes, mine)
    figure.draw_without_rendering()
    for axes, panel in zip(every_axes, chosen, strict=True):
        scales.thin(axes, sorted(set(points.filter(panel=panel.name)["maxlen"])))
    return figure
