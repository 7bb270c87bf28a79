"""Work a second against work a byte, below what the machine can do: a figure a phase and size that has ceilings."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator

from linrec_cli.analysis.labels import with_way
from linrec_cli.analysis.numbers import short
from linrec_cli.analysis.reading import latest, parts
from linrec_cli.plots import contended, point_names, scales, style
from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.groups import groups, looks, titles
from linrec_cli.plots.keys import FIGURE, LINE, keyed, of_figure

NEEDS = "work, and a machine measured with --roofline"
ABOUT = "Work a second against work a byte, a line a mechanism, below what the machine can do"
WIDE, HIGH = 6.4, 4.4
"""Inches, where no width is asked for."""
GIGA = 1e9
NEEDED = ["operations", "bytes_moved", "flops_per_second"]
PLACE = ("operations_per_byte", "gigaflops")
"""Where a point stands, across and up."""
COLUMNS = [*LINE, "maxlen", *PLACE, "contended"]
"""Of the table beside a figure; the two ceilings are its last rows."""
AIR = 1.6
"""How many times further than the outermost points the axes reach."""

Ceilings = tuple[float, float]
"""The most that was reached: billions of bytes and of operations a second."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[Drawn]:
    """Draw what a results table has both work and ceilings of."""
    found, rows = groups(table), keyed(table)
    given = looks(found)
    for group in found:
        points = reached(of_figure(rows, group.keys))
        runs = rows.filter(pl.col("run").is_in(points["run"].to_list()))
        best = ceilings(runs, group.keys["dtype"]) if len(points) else None
        if best:
            figure = draw(group.keys, points, best, given, wide)
            yield Drawn(f"roofline-{group.name}", figure, beside_it(points, best), group.keys["command"], group.keys)


def reached(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the work of each cell beside what it reached: a row a line and length, of the latest run."""
    counted = rows.filter(pl.col("metric").is_in(NEEDED), status="ok")
    last = latest(counted, [*FIGURE, *LINE, "maxlen", "metric"])
    cell = ["run", *LINE, "maxlen"]
    found = last.pivot("metric", index=cell, values="value", aggregate_function="last")
    if not {*NEEDED} <= {*found.columns}:
        return pl.DataFrame(schema={"run": pl.String} | dict.fromkeys(COLUMNS, pl.Float64))
    crowded = last.group_by(cell).agg(pl.col("contended").max())
    work = found.drop_nulls(NEEDED).filter(pl.col("operations") > 0)
    work = work.join(crowded, on=cell, how="left", nulls_equal=True, maintain_order="left")
    intensity, speed = pl.col("operations") / pl.col("bytes_moved"), pl.col(NEEDED[2]) / GIGA
    return work.with_columns(operations_per_byte=intensity, gigaflops=speed).select("run", *COLUMNS)


def ceilings(rows: pl.DataFrame, dtype: str) -> Ceilings | None:
    """Find how fast the machine copied and multiplied in the same runs; `None` where that was not measured."""
    best = latest(rows.filter(phase="machine", status="ok", dtype=dtype), ["stage"])
    found = dict(best.select("stage", "value").iter_rows())
    return (found["copy"] / GIGA, found["matmul"] / GIGA) if {"copy", "matmul"} <= found.keys() else None


def beside_it(points: pl.DataFrame, best: Ceilings) -> pl.DataFrame:
    """Make the table that lies beside a figure: its points, then the corner of the roof and both ceilings in words."""
    roof = pl.DataFrame(
        {"mechanism": ["ceiling: corner"], "operations_per_byte": [best[1] / best[0]], "gigaflops": [best[1]]}
    )
    return pl.concat([points.select(COLUMNS), roof], how="diagonal")


def draw(
    keys: Mapping[str, Any], points: pl.DataFrame, best: Ceilings, given: style.Looks, wide: float | None = None
) -> Figure:
    """Draw the roof, and under it a line a mechanism, from its shortest length to its longest."""
    figure = Figure(figsize=(wide or WIDE, HIGH), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    heading, detail = titles(keys)
    lengths = points["maxlen"].to_list()
    said = (
        f"from length {min(lengths):,} (small) to {max(lengths):,} (large)",
        f"roof: a copy at {short(best[0])} GB a second, a product at {short(best[1])} billion operations a second;"
        " above it, a cache helped",
    )
    style.titled(figure, heading, ABOUT, [detail, *said, *contended.said(points)])
    axes = figure.subplots()
    style.plain(axes)
    axes.set_title("billion operations a second", loc="left", fontsize=style.FONT + 1, color=style.GREY)
    axes.set_xlabel("operations a byte", fontsize=style.FONT, color=style.GREY)
    span(axes, points, best)
    lines = [*roof(axes, best), *paths(axes, points, given)]
    contended.ring(axes, *PLACE, points)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    ends = points.sort("maxlen").unique(LINE, keep="last", maintain_order=True)
    names = [(with_way(name, way), *place) for name, way, *place in ends.select(*LINE, *PLACE).iter_rows()]
    mine = {with_way(name, way): given[name] for name, way in ends.select(LINE).iter_rows()}
    point_names.write(axes, [(name, x, y) for name, x, y in names], lines, mine, ())
    return figure


def span(axes: Axes, points: pl.DataFrame, best: Ceilings) -> None:
    """Set both axes, logarithmic, so that the roof's corner and all points lie within."""
    corner = best[1] / best[0]
    for axis, values in (("x", [*points["operations_per_byte"], corner]), ("y", [*points["gigaflops"], best[1]])):
        scales.logarithmic(axes, axis, LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.set(**{f"{axis}lim": (min(values) / AIR, max(values) * AIR)})


def roof(axes: Axes, best: Ceilings) -> list[point_names.Line]:
    """Draw the lower of both ceilings at each intensity; return its two parts."""
    (left, right), corner = axes.get_xlim(), best[1] / best[0]
    corners = [(left, left * best[0]), (corner, best[1]), (right, best[1])]
    axes.plot(*zip(*corners, strict=True), color=style.GREY, linewidth=1.2, label="roof", zorder=1)
    return [(*start, *end) for start, end in pairwise(corners)]


def paths(axes: Axes, points: pl.DataFrame, given: style.Looks) -> list[point_names.Line]:
    """Draw a line a mechanism, markers growing with the length; return its parts."""
    drawn: list[point_names.Line] = []
    for part in parts(points.sort("maxlen"), LINE):
        name, way = part.select(LINE).row(0)
        look, places = given[name].of(way), list(part.select(PLACE).iter_rows())
        axes.plot(*zip(*places, strict=True), label=with_way(name, way), **(look.drawn() | {"marker": ""}))
        for number, place in enumerate(places):
            axes.plot(*place, **(look.drawn() | {"markersize": 3 + 4 * (number + 1) / len(places)}))
        drawn += [(*start, *end) for start, end in pairwise(places)]
    return drawn
