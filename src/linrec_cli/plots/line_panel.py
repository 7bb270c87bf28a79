"""A panel over lengths: a line a mechanism, its spread, crosses for what is missing, limits and crossovers."""

from typing import Any

import polars as pl
from matplotlib.axes import Axes

from linrec_cli.analysis.labels import with_way
from linrec_cli.analysis.reading import parts
from linrec_cli.plots import contended, line_names, scales, style
from linrec_cli.plots.panel_points import lengths, tried
from linrec_cli.plots.panels import REASONS, Panel
from linrec_cli.plots.style import Looks, literal

CROSS = 0.075
"""Share of a panel's height that a mechanism's crosses take, above all lines."""
ROOM = 0.45
"""Share of a panel's width that the name of a failed mechanism may take."""


def fill(axes: Axes, panel: Panel, points: pl.DataFrame, looks: Looks) -> list[line_names.End]:
    """Draw a panel of a figure's points; return where lines end, and how they are called there."""
    mine = points.filter(panel=panel.name)
    measured = mine.filter(pl.col("value").is_not_null())
    missing = tried(mine).filter(pl.col("value").is_null())
    bounds = points.filter(panel="limit")["value"].to_list() if panel.name == "memory" else []
    style.plain(axes)
    style.named(axes, title(panel, mine), "sequence length")
    overtakes = crossovers(points, mine["baseline"][0]) if panel.kind == "ratio" else {}
    ends = lines(axes, measured, looks, overtakes)
    scales.lengths(axes, lengths(mine))
    values = pl.concat([measured[name].drop_nulls() for name in ("value", "low", "high")]).to_list()
    above = CROSS * missing["mechanism"].n_unique()
    scales.values(axes, values + bounds + [1.0] * (panel.kind == "ratio"), panel.kind, above)
    for bound in bounds:
        limit(axes, bound)
    if panel.kind == "ratio":
        axes.axhline(1.0, color=style.GREY, linewidth=1, zorder=1, label="as fast")
    for name, length in overtakes.items():
        mark = f"{name} crossover"
        axes.plot([length], [1.0], "|", markersize=14, markeredgewidth=2, color=looks[name].colour, label=mark)
    crosses(axes, missing, looks)
    return ends


def title(panel: Panel, points: pl.DataFrame) -> str:
    """Write what a panel shows."""
    return panel.title.format_map(points.row(0, named=True))


def crossovers(points: pl.DataFrame, baseline: str) -> dict[str, float]:
    """List from which length on mechanisms are faster than the baseline, those that overtake it."""
    found = points.filter(pl.col("value").is_not_null(), panel="crossover", baseline=baseline)
    return dict(found.select("mechanism", "value").iter_rows())


def lines(axes: Axes, measured: pl.DataFrame, looks: Looks, overtakes: dict[str, float]) -> list[line_names.End]:
    """Draw a line a mechanism, or a way that it has; say where each ends, and what stands there.

    That is its name, its exponent, and where it overtakes the baseline.
    """
    ends = []
    for part in parts(measured.sort("maxlen", "mechanism", "way"), ["mechanism", "way"]):
        name, way, slope = part.select("mechanism", "way", "slope").row(0)
        look, called = looks[name].of(way), with_way(name, way)
        line(axes, called, part, look)
        # A sum with 0 turns -0.00 into 0.00.
        exponent = "" if slope is None else f"  $T^{{\\,{round(slope, 2) + 0.0:.2f}}}$"
        where = f", from {overtakes[name]:,.0f}" if name in overtakes else ""
        ends.append((literal(called) + exponent + where, part["maxlen"][-1], float(part["value"][-1]), look.colour))
    contended.ring(axes, "maxlen", "value", measured)
    return ends


def line(axes: Axes, name: str, part: pl.DataFrame, look: style.Look) -> None:
    """Draw points, joined, and the band between low and high (a bar where it stands alone)."""
    x, y = part["maxlen"].to_list(), part["value"].to_list()
    axes.plot(x, y, markersize=5, linewidth=1.6, label=name, **look.drawn())
    spread = part.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    below, above = spread["low"].to_list(), spread["high"].to_list()
    if len(spread) > 1:
        axes.fill_between(spread["maxlen"].to_list(), below, above, color=look.colour, alpha=0.15, linewidth=0)
    elif len(spread):
        axes.vlines(spread["maxlen"].to_list(), below, above, color=look.colour, linewidth=1.6, alpha=0.5)


def limit(axes: Axes, bound: float) -> None:
    """Draw the memory that a cell ran out of."""
    axes.axhline(bound, color=style.GREY, linestyle="--", linewidth=1, label="limit", zorder=1)
    written(
        axes, f"limit {bound:,.0f} MiB", (0.02, bound), (0, 3), xycoords=axes.get_yaxis_transform(), color=style.GREY
    )


def crosses(axes: Axes, missing: pl.DataFrame, looks: Looks) -> None:
    """Draw a cross under the upper edge for each point that was tried in vain, and say what happened."""
    place = axes.get_xaxis_transform()
    groups = missing.sort("mechanism", "maxlen").group_by("mechanism", maintain_order=True)
    for row, ((name,), part) in enumerate(groups):
        height, colour, status = 1 - CROSS * (row + 0.6), looks[str(name)].colour, part["status"][0]
        axes.plot(
            part["maxlen"].to_list(),
            [height] * len(part),
            linestyle="none",
            marker="x",
            markersize=8,
            markeredgewidth=2.2,
            color=colour,
            transform=place,
            clip_on=False,
            label=f"{name} {status}",
        )
        # Left of the first cross, or above it where that has no room.
        left = line_names.fraction(axes, part["maxlen"][0], axes.get_ylim()[0])[0] < ROOM
        aside: dict[str, Any] = {} if left else {"ha": "right", "va": "center"}
        text = f"{name}: {REASONS.get(status, status)}"
        written(
            axes, text, (part["maxlen"][0], height), (-4, 5) if left else (-8, 0), xycoords=place, color=colour, **aside
        )


def written(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **more: Any) -> None:
    """Write a small text at a place, moved by an offset in points."""
    axes.annotate(literal(text), at, offset, textcoords="offset points", fontsize=style.FONT - 1, **more)
