"""A panel where there is one length alone: a row a mechanism, the best above."""

import polars as pl
from matplotlib.axes import Axes

from linrec_cli.analysis.labels import with_way
from linrec_cli.plots import contended, scales, style
from linrec_cli.plots.line_panel import title
from linrec_cli.plots.panel_points import tried
from linrec_cli.plots.panels import REASONS, Panel
from linrec_cli.plots.style import Looks, literal


def fill(axes: Axes, panel: Panel, points: pl.DataFrame, looks: Looks) -> None:
    """Draw a panel of a figure's points: a marker and its spread a row, or why there is none."""
    mine = tried(points.filter(panel=panel.name))
    best = pl.col("value") * (1 if panel.kind == "cost" else -1)
    ordered = mine.sort(best, "mechanism", nulls_last=True).with_row_index("place")
    rows = ordered.to_dicts()
    style.plain(axes)
    style.named(axes, title(panel, mine), f"at length {mine['maxlen'][0]:,}")
    drawn = [row[name] for row in rows for name in ("value", "low", "high") if row[name] is not None]
    scales.values(axes, drawn + [1.0] * (panel.kind == "ratio"), panel.kind, above=0.0, axis="x")
    if panel.kind == "ratio":
        axes.axvline(1.0, color=style.GREY, linewidth=1, zorder=1, label="as fast")
    for place, row in enumerate(rows):
        look, name = looks[row["mechanism"]].of(row["way"]), with_way(row["mechanism"], row["way"])
        if row["value"] is None:
            text, left = REASONS.get(row["status"], row["status"]), axes.get_yaxis_transform()
            axes.text(0.02, place, text, transform=left, color=look.colour, fontsize=style.FONT - 1, va="center")
            continue
        if row["low"] is not None and row["high"] is not None:
            axes.hlines(place, row["low"], row["high"], color=look.colour, linewidth=1.6, alpha=0.5)
        axes.plot(row["value"], place, label=name, markersize=6, **look.drawn())
    contended.ring(axes, "value", "place", ordered)
    names = [literal(with_way(row["mechanism"], row["way"])) for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=style.FONT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_color(looks[row["mechanism"]].colour)
