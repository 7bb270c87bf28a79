"""Names at the ends of lines, moved apart until none lies on another."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from linrec_cli.plots.style import FONT, Look

ROUNDS = 300
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "alpha": 0.6, "relpos": (0.0, 0.5), "shrinkA": 1, "shrinkB": 4}

End = tuple[str, float, float]
"""A name and the last point of its line, in data coordinates."""


def at_ends(axes: Axes, ends: Sequence[End], looks: dict[str, Look]) -> None:
    """Write the names right of the axes, each beside the end of its line; limits and height must be final."""
    figure = axes.get_figure(root=True)
    if figure is None or not ends:
        return
    height = axes.get_position().height * figure.get_figheight() * 72
    heights = [fraction(axes, y) for _, _, y in ends]
    for (name, x, y), place in zip(ends, apart(heights, 1.35 * FONT / height), strict=True):
        axes.annotate(
            name,
            (x, y),
            (1.03, place),
            textcoords="axes fraction",
            va="center",
            color=looks[name].colour,
            fontsize=FONT,
            annotation_clip=False,
            arrowprops=LEADER | {"color": looks[name].colour},
        )


def fraction(axes: Axes, y: float) -> float:
    """Turn a height in data coordinates into a fraction of the axes."""
    _, pixel = axes.transData.transform((axes.get_xlim()[0], y))
    return float(axes.transAxes.inverted().transform((0, pixel))[1])


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart to at least `gap`, as little as neighbours allow, within 0 and 1 if they fit."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for _ in range(ROUNDS):
        for below, above in pairwise(order):
            lack = gap - (moved[above] - moved[below])
            if lack > 0:
                moved[below], moved[above] = moved[below] - lack / 2, moved[above] + lack / 2
    for step, number in enumerate(order):
        moved[number] = max(moved[number], step * gap)
    for step, number in enumerate(reversed(order)):
        moved[number] = min(moved[number], 1 - step * gap)
    return moved
