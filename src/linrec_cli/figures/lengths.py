"""Quality, time and memory against sequence length: a panel each, a line a mechanism; at one length alone a row."""

from collections.abc import Iterable, Iterator

import polars as pl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from linrec_cli.plots import captions, layout, line_names, line_panel, panel_points, row_panel, scales, style
from linrec_cli.plots.drawn import Drawn, compares
from linrec_cli.plots.groups import Group, groups, looks, titles
from linrec_cli.plots.panels import PANELS

NEEDS = "a time, a peak or a quality"
ABOUT = "against the length of sequences, a line a mechanism"
ALONE = "at length {:,}, a row a mechanism, the best above"
"""The same where there is one length alone."""
FLAT = 0.7
"""Height of a panel as a share of its width."""
ACROSS = 2
"""Panels side by side where no width is asked for."""
LINE, EDGES, HIGH = 0.17, 0.7, 2.8
"""Inches of height that a mechanism's name takes, and the title and ticks of a panel, and a panel at least."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[Drawn]:
    """Draw all figures over length that a results table has data for; a mechanism looks the same in each.

    A training that nothing stands beside is drawn where no other training has more.
    """
    found = groups(table)
    given = looks(found)
    telling = [group for group in found if compares(group.keys["command"], group.points)]
    trained = any(group.keys["command"] == "train" for group in telling)
    for group in telling if trained else found:
        stem = f"{'train-' if group.keys['command'] == 'train' else ''}{group.name}-length"
        yield Drawn(stem, draw(group, given, wide), group.points, group.keys["command"], group.keys)


def draw(group: Group, given: style.Looks, wide: float | None = None) -> Figure:
    """Draw a group's points: a panel for each kind of number there is, side by side as far as the width goes."""
    points = group.points
    # What failed everywhere has no scale.
    chosen = [panel for panel in PANELS if points.filter(panel=panel.name)["value"].count()]
    across = max(1, int(wide / style.NARROW)) if wide else ACROSS
    rows = layout.shares(len(chosen), across)
    wide = wide or style.WIDE * rows[0]
    high = max(HIGH, FLAT * wide / rows[0], LINE * points["mechanism"].n_unique() + EDGES)
    figure = Figure(figsize=(wide, len(rows) * high + 0.7), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    heading, how = titles(group.keys)
    reached = panel_points.lengths(points)
    where = ALONE.format(*reached) if len(reached) == 1 else ABOUT
    about = f"{'Quality and cost' if group.keys['command'] == 'train' else 'Cost'} {where}"
    style.titled(figure, heading, about, captions.lines(group.keys, how, points))
    every_axes = layout.panels(figure, len(chosen), across)
    if len(reached) == 1:
        for axes, panel in zip(every_axes, chosen, strict=True):
            row_panel.fill(axes, panel, points, given)
        return figure
    ends = [line_panel.fill(axes, panel, points, given) for axes, panel in zip(every_axes, chosen, strict=True)]
    figure.draw_without_rendering()
    ends = [line_names.fitted(axes, mine) for axes, mine in zip(every_axes, ends, strict=True)]
    shown = [panel_points.lengths(points.filter(panel=panel.name)) for panel in chosen]
    if any(map(scales.touch, every_axes, shown, map(called, ends))):
        for axes in every_axes:
            axes.tick_params(axis="x", rotation=90)
    # Names keep their distance in points, so the axes must have their height; what they leave is the axes' width.
    figure.draw_without_rendering()
    for axes, mine in zip(every_axes, ends, strict=True):
        line_names.at_ends(axes, mine)
    return figure


def called(ends: Iterable[line_names.End]) -> list[str]:
    """List what is written at the ends of lines, line by line."""
    return [line for name, *_ in ends for line in name.splitlines()]
