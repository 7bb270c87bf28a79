"""Figures as functions of the results table: quality, time and memory against sequence length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from linrec_cli.plots import dots, panels, scales, style
from linrec_cli.plots import line_names as labels
from linrec_cli.plots.points import PANELS, groups

WIDE, FLAT = 4.8, 0.7
"""Inches of a panel's width, the names of its lines included, and its height as a share of that."""
NARROW = 3.2
"""Inches of width that a panel takes at least."""
ACROSS = 2
"""Panels side by side where no width is asked for."""
LINE, EDGES = 0.17, 0.7
"""Inches of height that a mechanism's name takes, and the title and ticks of a panel."""
PHASES = {
    "attention": "attention layer, forward + backward",
    "forward": "attention layer, forward",
    "backward": "attention layer, backward",
    "encoder": "{model}, forward + backward",
    "step": "{model}, training step",
    "evaluate": "{model}, ranking users",
    "serve": "attention layer, one new event for each user",
    "compile": "attention layer, first run under torch.compile",
}


@dataclass(frozen=True)
class Drawn:
    """A figure, the points it was drawn from, and the stem of its file's name."""

    stem: str
    figure: Figure
    points: pl.DataFrame


Named = tuple[str, dict[str, Any], pl.DataFrame]
"""A group: the stem of its figure's file, what its numbers have in common, its points."""


def every(table: pl.DataFrame, wide: float | None = None) -> Iterator[Drawn]:
    """Draw all figures over length that a results table has data for; a mechanism looks the same in each.

    Args:
        wide: inches of width; without it, as wide as two panels.
    """
    found = named(table)
    looks = seen(found)
    for name, keys, points in found:
        yield Drawn(name, draw(keys, points, looks, wide), points)


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
    return style.looks(*(points["mechanism"].drop_nulls() for _, _, points in found))


def stem(keys: dict[str, Any], shared: set[str]) -> str:
    """Name a figure's file: what it is of, then whatever tells it from the others."""
    first = [keys["command"], keys["dataset"], keys["phase"], keys["model"], f"w{keys['width']}"]
    named = ("layers", "heads", "tokens", "batch", "device", "dtype", "threads", "benchmark")
    more = [f"{key}-{keys[key]}" for key in named if key not in shared and keys[key] is not None]
    text = "-".join(str(part) for part in [*first, *more] if part)
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in text)


def draw(keys: dict[str, Any], points: pl.DataFrame, looks: dict[str, style.Look], wide: float | None = None) -> Figure:
    """Draw a group's points: a panel for each kind of number there is, side by side as far as the width goes."""
    chosen = [panel for panel in PANELS if panel.name in points["panel"]]
    across = min(len(chosen), max(1, int(wide / NARROW)) if wide else ACROSS)
    deep = -(-len(chosen) // across)
    high = max(FLAT * (wide or WIDE * across) / across, LINE * points["mechanism"].n_unique() + EDGES)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(wide or WIDE * across, deep * high + 0.7), layout=layout)
    heading, detail = titles(keys)
    style.titled(figure, heading, [detail])
    every_axes = [figure.add_subplot(deep, across, number + 1) for number in range(len(chosen))]
    if points["maxlen"].drop_nulls().n_unique() == 1:
        for axes, panel in zip(every_axes, chosen, strict=True):
            dots.fill(axes, panel, points, looks)
        return figure
    ends = [panels.fill(axes, panel, points, looks) for axes, panel in zip(every_axes, chosen, strict=True)]
    # Names keep their distance in points, so the axes must have their height; what they leave is the axes' width.
    figure.draw_without_rendering()
    for axes, mine in zip(every_axes, ends, strict=True):
        labels.at_ends(axes, mine)
    figure.draw_without_rendering()
    for axes, panel in zip(every_axes, chosen, strict=True):
        scales.thin(axes, sorted(set(points.filter(panel=panel.name)["maxlen"])))
    return figure


def titles(keys: dict[str, Any]) -> tuple[str, str]:
    """Write what a figure is of, and where and how its numbers were made."""
    trained = f"{keys['model']} on {keys['dataset']}"
    what = trained if keys["command"] == "train" else PHASES[keys["phase"]].format_map(keys)
    size = [f"width {keys['width']}", f"{keys['heads']} heads"]
    if keys["layers"]:
        size.append(f"{keys['layers']} layers")
    load = f"batch {keys['batch']:,}" if keys.get("batch") else f"{keys['tokens']:,} tokens a batch"
    how = [load, keys["device"], keys["dtype"], f"threads {keys['threads']}"]
    return f"{what}: {', '.join(size)}", "   ".join(map(str, how))
