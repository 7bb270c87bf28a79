"""Figures as functions of the results table: quality, time and memory against sequence length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from linrec_cli.plots import labels, scales, style
from linrec_cli.plots.points import PANELS, POINT, Panel, groups

WIDE, HIGH = 4.6, 3.4
"""Inches of a panel."""
LINE = 0.22
"""Inches of height that a mechanism's name takes."""
CROSS = 0.075
"""Share of a panel's height that a mechanism's crosses take, above all lines."""
ROOM = 0.45
"""Share of a panel's width that the name of a failed mechanism may take."""
ASIDE, ALL = 1.03, 1.3
"""Where there is one length alone, points stand side by side: how many times further right each is, and the last."""
REASONS = {"oom": "out of memory", "timeout": "out of time", "error": "failed"}


@dataclass(frozen=True)
class Drawn:
    """A figure, the points it was drawn from, and the stem of its file's name."""

    stem: str
    figure: Figure
    points: pl.DataFrame


Named = tuple[str, dict[str, Any], pl.DataFrame]
"""A group: the stem of its figure's file, what its numbers have in common, its points."""


def every(table: pl.DataFrame) -> Iterator[Drawn]:
    """Draw all figures that a results table has data for; a mechanism looks the same in each."""
    found = named(table)
    looks = seen(found)
    for name, keys, points in found:
        yield Drawn(name, draw(keys, points, looks), points)


def named(table: pl.DataFrame) -> list[Named]:
    """List the groups of a results table, each with a name of its own."""
    found = list(groups(table))
    shared = {key for key in found[0][0] if len({keys[key] for keys, _ in found}) == 1} if found else set()
    stems = [stem(keys, shared) for keys, _ in found]
    # Where all that a name says is the same, other data or other settings make the difference.
    apart = [
        f"-{keys['data_digest']}-{keys['setup']}" if stems.count(name) > 1 else ""
        for name, (keys, _) in zip(stems, found, strict=True)
    ]
    return [(f"{name}{more}", keys, points) for name, more, (keys, points) in zip(stems, apart, found, strict=True)]


def seen(found: list[Named]) -> dict[str, style.Look]:
    """Give a look to each mechanism of a table's groups, the same for all figures of that table."""
    return style.looks(*(points["mechanism"] for _, _, points in found))


def stem(keys: dict[str, Any], shared: set[str]) -> str:
    """Name a figure's file: what it is of, then whatever tells it from the others."""
    first = [keys["command"], keys["dataset"], keys["model"] or "attention", f"w{keys['width']}"]
    named = ("layers", "heads", "tokens", "device", "dtype", "threads", "benchmark")
    more = [f"{key}-{keys[key]}" for key in named if key not in shared and keys[key] is not None]
    text = "-".join(str(part) for part in [*first, *more] if part)
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in text)


def draw(keys: dict[str, Any], points: pl.DataFrame, looks: dict[str, style.Look]) -> Figure:
    """Draw a group's points: a panel for each kind of number there is."""
    panels = [panel for panel in PANELS if panel.name in points["panel"]]
    high = max(HIGH, LINE * points["mechanism"].n_unique())
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(WIDE * len(panels) + 0.4, high + 0.7), layout=layout)
    heading, detail = titles(keys)
    style.titled(figure, heading, [detail])
    every_axes = [figure.add_subplot(1, len(panels), number + 1) for number in range(len(panels))]
    ends = [
        fill(axes, panel, points.filter(panel=panel.name), looks)
        for axes, panel in zip(every_axes, panels, strict=True)
    ]
    # Labels keep their distance in points, so the axes must have their height.
    figure.draw_without_rendering()
    for axes, mine in zip(every_axes, ends, strict=True):
        labels.at_ends(axes, mine, looks)
    return figure


def titles(keys: dict[str, Any]) -> tuple[str, str]:
    """Write what a figure is of, and where and how its numbers were made."""
    what = f"{keys['model']}, training step" if keys["model"] else "attention layer, forward + backward"
    what = f"{keys['model']} on {keys['dataset']}" if keys["command"] == "train" else what
    size = [f"width {keys['width']}", f"{keys['heads']} heads"]
    if keys["layers"]:
        size.append(f"{keys['layers']} layers")
    how = [
        f"{keys['tokens']:,} tokens a batch",
        keys["device"],
        keys["dtype"],
        f"threads {keys['threads']}",
    ]
    return f"{what}: {', '.join(size)}", "   ".join(map(str, how))


def fill(axes: Axes, panel: Panel, points: pl.DataFrame, looks: dict[str, style.Look]) -> list[labels.End]:
    """Draw one panel: a line a mechanism, its spread, crosses for what is missing; return where lines end."""
    style.plain(axes)
    axes.set_title(panel.axis, loc="left", fontsize=style.FONT + 1, color=style.GREY)
    axes.set_xlabel("sequence length", fontsize=style.FONT, color=style.GREY)
    measured = points.filter(pl.col("value").is_not_null())
    missing = points.filter(pl.col("value").is_null() & (pl.col("status") != "skipped"))
    ends = []
    groups = measured.sort("maxlen", "mechanism").partition_by("mechanism", maintain_order=True)
    aside = min(ASIDE, ALL ** (1 / max(1, len(groups) - 1))) if points["maxlen"].n_unique() == 1 else 1.0
    for number, part in enumerate(groups):
        name = part["mechanism"][0]
        shift = aside ** (number - (len(groups) - 1) / 2)
        line(axes, name, part.with_columns(x=pl.col("maxlen") * shift), looks[name])
        ends.append((name, shift * part["maxlen"][-1], float(part["value"][-1])))
    scales.lengths(axes, sorted(set(points["maxlen"])))
    values = pl.concat([measured[name].drop_nulls() for name in ("value", "low", "high")]).to_list()
    scales.values(axes, values, panel.cost, CROSS * missing["mechanism"].n_unique())
    crosses(axes, missing, looks)
    return ends


def line(axes: Axes, name: str, part: pl.DataFrame, look: style.Look) -> None:
    """Draw a mechanism's points, joined, and the band between low and high (a bar where it stands alone)."""
    x, y = part["x"].to_list(), part["value"].to_list()
    axes.plot(x, y, markersize=5, linewidth=1.6, label=name, **look.drawn())
    spread = part.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    below, above = spread["low"].to_list(), spread["high"].to_list()
    if len(spread) > 1:
        axes.fill_between(spread["x"].to_list(), below, above, color=look.colour, alpha=0.15, linewidth=0)
    elif len(spread):
        axes.vlines(spread["x"].to_list(), below, above, color=look.colour, linewidth=1.6, alpha=0.5)


def crosses(axes: Axes, missing: pl.DataFrame, looks: dict[str, style.Look]) -> None:
    """Draw a cross under the upper edge for each point that was tried in vain, and say what happened."""
    place = axes.get_xaxis_transform()
    groups = missing.sort(POINT).group_by("mechanism", maintain_order=True)
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
        left = labels.fraction(axes, part["maxlen"][0], axes.get_ylim()[0])[0] < ROOM
        axes.annotate(
            f"{name}: {REASONS.get(status, status)}",
            (part["maxlen"][0], height),
            (-4, 5) if left else (-8, 0),
            xycoords=place,
            textcoords="offset points",
            ha="left" if left else "right",
            va="baseline" if left else "center",
            fontsize=style.FONT - 1,
            color=colour,
        )
