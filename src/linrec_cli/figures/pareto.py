"""Quality against cost, a point a mechanism: which ones are worth their price at one length, and over all."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.reading import distinct, latest, like, parts
from linrec_cli.plots import captions, contended, layout, point_names, scales, style
from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.groups import groups, looks, titles
from linrec_cli.plots.keys import keyed
from linrec_cli.plots.panels import PANELS, REASONS, profiled

NEEDS = "three trainings that differ in mechanism or length, with peaks or a profile's steps"
ABOUT = "Quality against cost, a point a mechanism{}; those in bold, on the grey line, no other beats in both"
JOINED = "coloured lines join the lengths of a mechanism that have a name, from the shortest to the longest"
LEAST = 3
"""Points from which on a panel is drawn."""
CELL = ["mechanism", "maxlen"]
COSTS = {"step": "ms a step", "memory": "peak memory, MiB"}
"""Names and axes of the panels. Seconds an epoch are none: trainings run one after another, not in turns."""
NAMED = 10
"""Points of a panel that have a name and a colour at most."""
SAME = ["model", "width", "heads", "layers", "device", "dtype", "threads", "processes", "benchmark"]
"""What a profile and training runs must share for the steps of one to stand beside the quality of the other."""
TRAINED = ["objective", "loss"]
"""The same, where the profile says it."""
HIGH, LINE = 3.4, 0.22
"""Inches of a panel's height at least, and of height that a mechanism's name takes."""
FRONT = "#999999"
MEASURED = pl.col("quality").is_not_null() & (pl.col("cost") > 0)

QUALITY = PANELS[0]
"""The panel whose points stand against costs."""

Pairs = list[tuple[float, float]]
"""Costs and qualities."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[Drawn]:
    """Draw a figure for each length at which a group of training runs has enough mechanisms, and one for all."""
    found = groups(table)
    given = looks(found)
    for group in (one for one in found if one.keys["command"] == "train"):
        lengths = group.points["maxlen"].drop_nulls().unique().sort().to_list()
        for some in [*([one] for one in lengths), *[lengths][: len(lengths) > 1]]:
            points = group.points.filter(pl.col("maxlen").is_in(some))
            rows = against(points, steps(table, group.keys, some))
            if len(rows):
                stem = f"pareto-{group.name}-{'-'.join(map(str, some))}"
                yield Drawn(stem, draw(group.keys | {"maxlen": some}, rows, given, wide), rows, "train", group.keys)


def steps(table: pl.DataFrame, keys: Mapping[str, Any], lengths: list[int]) -> pl.DataFrame:
    """Find what a training step takes, in ms, in the profile that timed most of it, the latest of such.

    Numbers of two profiles are never mixed: it is taking turns on one machine that makes them comparable.
    """
    timed = profiled("seconds") & (pl.col("phase") == "step") & pl.col("maxlen").is_in(lengths)
    trained = [pl.col(name).is_null() | pl.col(name).eq_missing(pl.lit(keys[name])) for name in TRAINED]
    rows = like(keyed(table), keys, SAME).filter(timed, *trained, status="ok").sort("created", maintain_order=True)
    profiles = list(parts(rows, ["run", "tokens"]))
    widest = max(reversed(profiles), key=lambda profile: profile.select(CELL).n_unique(), default=rows)
    return latest(widest, CELL).select(
        *CELL, "tokens", "contended", panel=pl.lit("step"), cost=pl.col("value") * 1000.0
    )


def against(points: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Put qualities beside costs: a row for each mechanism, length and panel, null where there is no number."""
    names = ["maxlen", "mechanism", "quality", "low", "high", "runs", "failed", "failure"]
    # With one run the spread is over users: no range of seeds.
    spread = [pl.when(pl.col("runs") > 1).then(pl.col(name)).alias(name) for name in ("low", "high")]
    quality = points.filter(panel=QUALITY.name).rename({"value": "quality"}).select(names).with_columns(spread)
    # What several lengths tell apart is called by its length too.
    label = pl.format("{} {}", *CELL) if points["maxlen"].n_unique() > 1 else pl.col("mechanism")
    trained = points.select(*CELL, "panel", "contended", cost="value", tokens=pl.lit(None, pl.Int64))
    costs = pl.concat([trained, steps.select(trained.columns)])
    shown = []
    for panel in COSTS:
        pairs = quality.join(costs.filter(panel=panel).drop("panel"), CELL, "left", maintain_order="left")
        best = front(pairs.filter(MEASURED).select("cost", "quality").iter_rows())
        ahead = [pair in best for pair in pairs.select("cost", "quality").iter_rows()]
        named = pairs.select(pl.lit(panel).alias("panel"), label.alias("label"), pl.all())
        part = told_apart(named.with_columns(pl.Series("front", ahead, pl.Boolean)))
        shown.append(part if len(part.filter(MEASURED)) >= LEAST else part.clear())
    return pl.concat(shown)


def told_apart(part: pl.DataFrame) -> pl.DataFrame:
    """Choose which points have a name, in the column `named`: the front, then the baseline, then the best."""
    base = baselines(distinct(part, "mechanism"))[:1]
    worth = [pl.col("front").fill_null(False), pl.col("mechanism").is_in(base), pl.col("quality")]
    chosen = part.filter(MEASURED).sort(worth, descending=True, maintain_order=True)["label"].head(NAMED)
    return part.with_columns(named=pl.col("label").is_in(chosen.to_list()))


def front(pairs: Iterable[tuple[Any, ...]]) -> Pairs:
    """List the pairs of cost and quality that no other beats, by less cost for no less quality, or the reverse."""
    best: Pairs = []
    for cost, quality in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not best or quality > best[-1][1]:
            best.append((cost, quality))
    return best


def draw(keys: Mapping[str, Any], rows: pl.DataFrame, given: style.Looks, wide: float | None = None) -> Figure:
    """Draw the panels on one scale of quality, side by side as far as `wide` inches hold them."""
    shown = [part.filter(MEASURED) for part in parts(rows, ["panel"])]
    wide = wide or style.WIDE * len(shown)
    columns = max(1, min(len(shown), int(wide / style.NARROW)))
    deep = -(-len(shown) // columns)
    high = max(HIGH, LINE * min(NAMED, rows["label"].n_unique()))
    figure = Figure(figsize=(wide, deep * high + 1.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    heading, detail = titles(keys)
    about = ABOUT.format(" and length" if len(keys["maxlen"]) > 1 else "")
    style.titled(figure, f"{heading}, maxlen {', '.join(map(str, keys['maxlen']))}", about, below(keys, detail, rows))
    every_axes = layout.panels(figure, len(shown), columns, one_scale=True)
    above = [headed(axes) for axes in every_axes[::columns]]
    heights = pl.concat(rows[name] for name in ("quality", "low", "high")).drop_nulls()
    scales.values(every_axes[0], heights.to_list(), "quality", above=0.0)
    lines = [fill(axes, part, given) for axes, part in zip(every_axes, shown, strict=True)]
    key = legend(every_axes[columns - 1], max(rows["runs"]))
    figure.draw_without_rendering()
    if key.get_window_extent().overlaps(above[0].get_window_extent()):
        headed(every_axes[0], 2.2 * style.FONT)
        figure.draw_without_rendering()
    # Names are placed for this layout; it must stay.
    figure.set_layout_engine("none")
    for axes, part, avoid in zip(every_axes, (part.filter("named") for part in shown), lines, strict=True):
        points = list(part.select("label", "cost", "quality").iter_rows())
        mine = {label: given[name] for label, name in part.select("label", "mechanism").iter_rows()}
        point_names.write(axes, points, avoid, mine, part.filter("front")["label"].to_list())
    return figure


def below(keys: Mapping[str, Any], detail: str, rows: pl.DataFrame) -> list[str]:
    """Write the lines below a figure, the first of which is a `detail`."""
    aware = [captions.AWARE] if keys.get("time_aware") else []
    twice = rows.filter(MEASURED, pl.col("named")).select("panel", "mechanism").is_duplicated().any()
    return [detail, *aware, *[JOINED][: int(twice)], *missing(rows), *contended.said(rows)]


def headed(axes: Axes, pad: float | None = None) -> Text:
    """Write above the axes, so many points, what stands against costs."""
    return axes.set_title(QUALITY.title, loc="left", pad=pad, fontsize=style.FONT + 1, color=style.GREY)


def fill(axes: Axes, part: pl.DataFrame, given: style.Looks) -> list[point_names.Line]:
    """Draw one panel but for the names; return the lines that names should keep off."""
    style.plain(axes)
    tokens = part["tokens"].drop_nulls()
    batch = f" of {tokens[0]:,} tokens" if len(tokens) else ""
    axes.set_xlabel(f"{COSTS[part['panel'][0]]}{batch}, log scale", fontsize=style.FONT, color=style.GREY)
    scales.costs(axes, part["cost"].to_list())
    corners = stairs(front(part.select("cost", "quality").iter_rows()), axes.get_xlim()[1], axes.get_ylim()[0])
    axes.plot(*zip(*corners, strict=True), color=FRONT, linewidth=0.8, zorder=1, label="front")
    others = part.filter(~pl.col("named")).select("cost", "quality").to_dict(as_series=False)
    axes.plot(*others.values(), "o", markersize=4, color=style.LIGHT, zorder=1, label="others")
    named = part.filter("named")
    bars = named.drop_nulls(["low", "high"]).select("mechanism", "cost", "low", "high")
    for name, cost, low, high in bars.iter_rows():
        axes.vlines(cost, low, high, color=given[name].colour, linewidth=1.6, alpha=0.5)
    for label, name, cost, quality in named.select("label", "mechanism", "cost", "quality").iter_rows():
        # A hollow marker lies above a full one and lets it be seen.
        seen = {"markerfacecolor": "none", "zorder": 3} if given[name].hollow else {}
        axes.plot(cost, quality, markersize=6, label=label, **(given[name].drawn() | seen))
    contended.ring(axes, "cost", "quality", part)
    return [(*start, *end) for start, end in [*pairwise(corners), *joined(axes, named, given)]] + [
        (x, low, x, high) for _, x, low, high in bars.iter_rows()
    ]


def joined(axes: Axes, part: pl.DataFrame, given: style.Looks) -> Iterator[Pairs]:
    """Join the lengths of each mechanism by a thin line; give its parts."""
    for own in parts(part.sort("maxlen"), ["mechanism"]):
        name, places = own["mechanism"][0], list(own.select("cost", "quality").iter_rows())
        for ends in pairwise(places):
            axes.plot(*zip(*ends, strict=True), color=given[name].colour, linewidth=0.8, alpha=0.6, zorder=1)
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
            failed.append(f"{name}: {REASONS.get(why, why)}{share}")
        elif runs < most:
            failed.append(f"{name}: {runs} of {most} runs")
    lacking = rows.filter(pl.col("quality").is_not_null(), ~MEASURED.fill_null(False))
    absent = [
        f"no {COSTS[part['panel'][0]].split(',')[0]}: {', '.join(part['label'])}" for part in parts(lacking, ["panel"])
    ]
    most = max((len(part.filter(MEASURED, ~pl.col("named"))) for part in parts(rows, ["panel"])), default=0)
    grey = [f"grey: {most} more, whose names are in the table beside the figure"] if most else []
    return ["   ".join(line) for line in (failed, absent, grey) if line]


def legend(axes: Axes, seeds: int) -> Legend:
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
    return found
