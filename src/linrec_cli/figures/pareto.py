"""Quality against cost, a point a mechanism: which ones are worth their price at one length."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from linrec_cli.figures import lengths as figures
from linrec_cli.plots import panels, scales, style
from linrec_cli.plots import point_names as beside
from linrec_cli.plots.labelled import labelled
from linrec_cli.plots.points import profiled

LEAST = 3
"""Points from which on a panel is drawn."""
CELL = ["mechanism", "maxlen"]
COSTS = {"epoch": "seconds an epoch", "memory": "peak memory, MiB", "step": "ms a step"}
"""Names and axes of the panels."""
SAME = ["model", "width", "heads", "layers", "device", "dtype", "threads", "benchmark"]
"""What a profile and training runs must share for the steps of one to stand beside the quality of the other."""
HIGH, LINE = 3.4, 0.22
"""Inches of a panel's height at least, and of height that a mechanism's name takes."""
FRONT = "#999999"
MEASURED = pl.col("quality").is_not_null() & (pl.col("cost") > 0)

Pairs = list[tuple[float, float]]
"""Costs and qualities."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[figures.Drawn]:
    """Draw a figure for each length at which a group of training runs has enough mechanisms, and one for all."""
    found = figures.named(table)
    looks = figures.seen(found)
    for name, shared, points in found:
        lengths = points["maxlen"].drop_nulls().unique().sort().to_list() if shared["command"] == "train" else []
        for some in [*([one] for one in lengths), *[lengths][: len(lengths) > 1]]:
            rows = against(points.filter(pl.col("maxlen").is_in(some)), steps(table, shared, some))
            if len(rows):
                stem = f"pareto-{name}-maxlen-{'-'.join(map(str, some))}"
                yield figures.Drawn(stem, draw(shared | {"maxlen": some}, rows, looks, wide), rows)


def steps(table: pl.DataFrame, keys: dict[str, Any], lengths: list[int]) -> pl.DataFrame:
    """Find what a training step takes, in ms, in the profile that timed most of it, the latest of such.

    Numbers of two profiles are never mixed: it is taking turns on one machine that makes them comparable.
    """
    same = [pl.col(name).eq_missing(pl.lit(keys[name])) for name in SAME]
    timed = profiled("seconds") & (pl.col("phase") == "step") & pl.col("maxlen").is_in(lengths)
    rows = labelled(table).filter(timed, *same, status="ok").sort("created", maintain_order=True)
    profiles = rows.partition_by("run", "tokens", maintain_order=True)
    widest = max(reversed(profiles), key=lambda profile: profile.select(CELL).n_unique(), default=rows)
    return widest.unique(CELL, keep="last", maintain_order=True).select(
        *CELL, "tokens", panel=pl.lit("step"), cost=pl.col("value") * 1000.0
    )


def against(points: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Put qualities beside costs: a row for each mechanism, length and panel, null where there is no number."""
    names = ["maxlen", "mechanism", "quality", "low", "high", "runs", "failed", "failure"]
    # With one run the spread is over users: no range of seeds.
    spread = [pl.when(pl.col("runs") > 1).then(pl.col(name)).alias(name) for name in ("low", "high")]
    quality = points.filter(panel="quality").rename({"value": "quality"}).select(names).with_columns(spread)
    # What several lengths tell apart is called by its length too.
    label = pl.format("{} {}", *CELL) if points["maxlen"].n_unique() > 1 else pl.col("mechanism")
    trained = points.select(*CELL, "panel", cost="value", tokens=pl.lit(None, pl.Int64))
    costs = pl.concat([trained, steps.select(trained.columns)])
    parts = []
    for panel in COSTS:
        pairs = quality.join(costs.filter(panel=panel).drop("panel"), CELL, "left", maintain_order="left")
        best = front(pairs.filter(MEASURED).select("cost", "quality").iter_rows())
        ahead = [pair in best for pair in pairs.select("cost", "quality").iter_rows()]
        named = pairs.select(pl.lit(panel).alias("panel"), label.alias("label"), pl.all())
        part = named.with_columns(pl.Series("front", ahead, pl.Boolean))
        parts.append(part if len(part.filter(MEASURED)) >= LEAST else part.clear())
    return pl.concat(parts)


def front(pairs: Iterable[tuple[Any, ...]]) -> Pairs:
    """List the pairs of cost and quality that no other beats, by less cost for no less quality, or the reverse."""
    best: Pairs = []
    for cost, quality in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not best or quality > best[-1][1]:
            best.append((cost, quality))
    return best


def draw(keys: dict[str, Any], rows: pl.DataFrame, looks: dict[str, style.Look], wide: float | None = None) -> Figure:
    """Draw the panels on one scale of quality, side by side as far as `wide` inches hold them."""
    parts = [part.filter(MEASURED) for part in rows.partition_by("panel", maintain_order=True)]
    wide = wide or figures.WIDE * len(parts)
    columns = max(1, min(len(parts), int(wide / figures.NARROW)))
    deep = -(-len(parts) // columns)
    high = max(HIGH, LINE * rows["label"].n_unique())
    figure = Figure(figsize=(wide, deep * high + 1.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    heading, detail = figures.titles(keys)
    style.titled(figure, f"{heading}, maxlen {', '.join(map(str, keys['maxlen']))}", [detail, *missing(rows)])
    grid = figure.subplots(deep, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(parts) :]:
        axes.remove()
    for axes in grid[:, 0]:
        axes.set_title("NDCG@10, test", loc="left", fontsize=style.FONT + 1, color=style.GREY)
    heights = pl.concat(rows[name] for name in ("quality", "low", "high")).drop_nulls()
    scales.values(grid[0, 0], heights.to_list(), "quality", above=0.0)
    lines = [fill(axes, part, looks) for axes, part in zip(grid.flat, parts, strict=False)]
    legend(grid[0, -1], max(rows["runs"]))
    figure.draw_without_rendering()
    # Names are placed for this layout; it must stay.
    figure.set_layout_engine("none")
    for axes, part, avoid in zip(grid.flat, parts, lines, strict=False):
        points = list(part.select("label", "cost", "quality").iter_rows())
        mine = {label: looks[name] for label, name in part.select("label", "mechanism").iter_rows()}
        beside.write(axes, points, avoid, mine, part.filter("front")["label"].to_list())
    return figure


def fill(axes: Axes, part: pl.DataFrame, looks: dict[str, style.Look]) -> list[beside.Line]:
    """Draw one panel but for the names; return the lines that names should keep off."""
    style.plain(axes)
    tokens = part["tokens"].drop_nulls()
    batch = f" of {tokens[0]:,} tokens" if len(tokens) else ""
    axes.set_xlabel(f"{COSTS[part['panel'][0]]}{batch}, log scale", fontsize=style.FONT, color=style.GREY)
    scales.costs(axes, part["cost"].to_list())
    corners = stairs(front(part.select("cost", "quality").iter_rows()), axes.get_xlim()[1], axes.get_ylim()[0])
    axes.plot(*zip(*corners, strict=True), color=FRONT, linewidth=0.8, zorder=1, label="front")
    bars = part.drop_nulls(["low", "high"]).select("mechanism", "cost", "low", "high")
    for name, cost, low, high in bars.iter_rows():
        axes.vlines(cost, low, high, color=looks[name].colour, linewidth=1.6, alpha=0.5)
    for label, name, cost, quality in part.select("label", "mechanism", "cost", "quality").iter_rows():
        # A hollow marker lies above a full one and lets it be seen.
        seen = {"markerfacecolor": "none", "zorder": 3} if looks[name].hollow else {}
        axes.plot(cost, quality, markersize=6, label=label, **(looks[name].drawn() | seen))
    return [(*start, *end) for start, end in [*pairwise(corners), *joined(axes, part, looks)]] + [
        (x, low, x, high) for _, x, low, high in bars.iter_rows()
    ]


def joined(axes: Axes, part: pl.DataFrame, looks: dict[str, style.Look]) -> Iterator[Pairs]:
    """Join the lengths of each mechanism by a thin line; give its parts."""
    for (name,), own in part.sort("maxlen").group_by("mechanism", maintain_order=True):
        places = list(own.select("cost", "quality").iter_rows())
        for ends in pairwise(places):
            axes.plot(*zip(*ends, strict=True), color=looks[str(name)].colour, linewidth=0.8, alpha=0.6, zorder=1)
            yield [*ends]


def stairs(front: Pairs, right: float, bottom: float) -> Pairs:
    """Draw the best quality that each cost buys: up at each member of the front, level to the next."""
    heights = [bottom, *(quality for _, quality in front)]
    ups = [
        corner
        for (cost, quality), below in zip(front, heights, strict=False)
        for corner in ((cost, below), (cost, quality))
    ]
    return [*ups, (right, heights[-1])]


def missing(rows: pl.DataFrame) -> list[str]:
    """Say which runs failed, and why, which mechanisms have fewer than others, and whose cost a panel lacks."""
    columns, most = ["label", "runs", "failed", "failure"], max(rows["runs"])
    failed = []
    for name, runs, failures, why in rows.select(columns).unique(maintain_order=True).iter_rows():
        share = f" in {failures} of {runs + failures} runs" if runs else ""
        if failures:
            failed.append(f"{name}: {panels.REASONS.get(why, why)}{share}")
        elif runs < most:
            failed.append(f"{name}: {runs} of {most} runs")
    lacking = rows.filter(pl.col("quality").is_not_null(), ~MEASURED.fill_null(False))
    absent = [
        f"no {COSTS[panel].split(',')[0]}: {', '.join(part['label'])}"
        for (panel,), part in lacking.group_by("panel", maintain_order=True)
    ]
    return ["   ".join(line) for line in (failed, absent) if line]


def legend(axes: Axes, seeds: int) -> None:
    """Say above the axes, on the right, what the grey line and the bars are."""
    handles = [Line2D([], [], color=FRONT, linewidth=0.8, label="Pareto front (bold)")]
    if seeds > 1:
        bar = Line2D([], [], color=style.GREY, alpha=0.5, linestyle="none", marker="|", label=f"range of {seeds} seeds")
        bar.set(markersize=10, markeredgewidth=1.6)
        handles.append(bar)
    found = axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        frameon=False,
        fontsize=style.FONT - 1,
        labelcolor=style.GREY,
        borderpad=0.2,
        borderaxespad=0.2,
        handlelength=1.5,
        columnspacing=1.2,
    )
    # Where it is wider than its panel, the panel keeps its size.
    found.set_in_layout(False)
