"""Names at the ends of lines, moved apart until none lies on another."""

from collections.abc import Sequence
from statistics import fmean as mean

from matplotlib.axes import Axes

from linrec_cli.plots.scales import longest
from linrec_cli.plots.style import FONT

LEADER = {"arrowstyle": "-", "linewidth": 0.6, "alpha": 0.6, "relpos": (0.0, 0.5), "shrinkA": 1, "shrinkB": 4}

LONG = 0.5
"""Share of the axes' width from which on names are broken at their commas."""

End = tuple[str, float, float, str]
"""A name, the last point of its line, in data coordinates, and its colour."""


def fitted(axes: Axes, ends: Sequence[End]) -> list[End]:
    """Break names at their commas where the longest takes much of the axes, which have the width they have without."""
    if longest(axes, (name for name, *_ in ends)) < LONG:
        return list(ends)
    return [(name.replace(", ", ",\n"), x, y, colour) for name, x, y, colour in ends]


def at_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Write the names right of the axes, each beside the end of its line; limits and height must be final."""
    figure = axes.get_figure(root=True)
    if figure is None or not ends:
        return
    height = axes.get_position().height * figure.get_figheight() * 72
    heights = [fraction(axes, x, y)[1] for _, x, y, _ in ends]
    deep = max(name.count("\n") + 1 for name, *_ in ends)
    line = 1.4 * FONT / height
    # The upper line of a broken name is not to stand in the panel's title.
    highest = 1 - line * (deep - 1) / 2
    for (name, x, y, colour), place in zip(ends, apart(heights, line * deep / highest), strict=True):
        axes.annotate(
            name,
            (x, y),
            (1.03, place * highest),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=FONT,
            annotation_clip=False,
            arrowprops=LEADER | {"color": colour},
        )


def fraction(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Turn a place in data coordinates into fractions of the axes, across and up."""
    across, up = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    return float(across), float(up)


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart to at least `gap`, as little as that takes (least squares), within 0 and 1 if they fit.

    Less its rank times the gap, a place may be no lower than the one below: neighbours that are pool to their mean.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([places[index] - rank * gap])
        while len(pools) > 1 and mean(pools[-2]) > mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    highest = 1 - (len(places) - 1) * gap
    moved = list(places)
    for rank, (index, level) in enumerate(zip(order, (mean(pool) for pool in pools for _ in pool), strict=True)):
        moved[index] = min(max(level, 0.0), highest) + rank * gap
    return moved
