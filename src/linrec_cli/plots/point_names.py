"""Names beside points: none on another, on a point, or outside; one that had to move away gets a line to its point."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import NDArray

from linrec_cli.plots.style import FONT, Looks, literal

Array = NDArray[Any]
"""Lengths are typographic points. `[n, 4]` is boxes (left, bottom, right, top) or lines (x, y, x, y of their ends)."""

RADIUS = 5.0
"""From a point's centre to the edge of the square that its marker takes."""
RINGS = (2.0, 6.0, 11.0, 17.0, 24.0, 32.0, 41.0, 52.0, 66.0, 84.0, 106.0)
"""Distances from marker to name that are tried; from the second on a line joins them."""
STEPS = (0.0, 0.5, -0.5, 1.0, -1.0)
SIDES = [at for at in product((1.0, -1.0, 0.5, -0.5, 0.0), STEPS) if 1.0 in map(abs, at)]
"""Where on a ring a name can lie, right of its point first."""
AIR = 1.0
"""What stays free around a name."""
# What a fault costs: as far as a name would rather move.
OVERLAP, STRUCK, CROSSED, BAR, SIDE = 1e5, 250.0, 100.0, 25.0, 0.3
STARTS, ROUNDS = 6, 30
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "alpha": 0.7, "shrinkA": 0.5, "shrinkB": 3.0}

Point = tuple[str, float, float]
"""A name and its point, in data coordinates."""
Line = tuple[float, float, float, float]
"""Both ends of a line, x and y of each, in data coordinates."""


@dataclass(frozen=True)
class Spots:
    """Where a name can lie, a spot a row: its box, the line to its point (of no length beside it), its own cost."""

    boxes: Array
    leaders: Array
    cost: Array

    def __getitem__(self, rows: Any) -> "Spots":
        return Spots(self.boxes[rows], self.leaders[rows], self.cost[rows])

    def reach(self) -> Array:
        """Bound each box together with its line."""
        ends = [self.boxes[:, :2], self.boxes[:, 2:], self.leaders[:, :2]]
        return np.hstack([np.min(ends, axis=0), np.max(ends, axis=0)])


def write(axes: Axes, points: Sequence[Point], lines: Sequence[Line], looks: Looks, bold: Collection[str]) -> None:
    """Write each name beside its point; limits and size of the axes must be final.

    Args:
        lines: what else is drawn and is better not written over.
        bold: the names to write in bold.
    """
    unit = axes.figure.dpi / 72
    weights = ["bold" if name in bold else "normal" for name, _, _ in points]
    sizes = np.array([size(axes, name, weight) for (name, _, _), weight in zip(points, weights, strict=True)]) / unit
    at = axes.transData.transform([point[1:] for point in points]) / unit
    drawn = axes.transData.transform(np.reshape(lines, (-1, 2))).reshape(-1, 4) / unit
    chosen = places(at, sizes, drawn, np.asarray(axes.bbox.extents) / unit)
    for (name, x, y), weight, centre, box, leader in zip(
        points, weights, at, chosen.boxes, chosen.leaders, strict=True
    ):
        end = (leader[2:] - box[:2] - AIR) / (box[2:] - box[:2] - 2 * AIR)
        line = LEADER | {"color": looks[name].colour, "relpos": tuple(end)}
        axes.annotate(
            literal(name),
            (x, y),
            tuple((box[:2] + box[2:]) / 2 - centre),
            textcoords="offset points",
            ha="center",
            va="center",
            color=looks[name].colour,
            fontsize=FONT,
            fontweight=weight,
            arrowprops=line if (leader[:2] != leader[2:]).any() else None,
        )


def size(axes: Axes, name: str, weight: str) -> tuple[float, float]:
    """Measure a name as written, in pixels."""
    text = axes.text(0, 0, literal(name), fontsize=FONT, fontweight=weight)
    box = Text.get_window_extent(text)
    text.remove()
    return box.width, box.height


def places(points: Array, sizes: Array, lines: Array, frame: Array) -> Spots:
    """Choose a spot for each name: the best that several descents, each in an order of its own, come to.

    Args:
        points: `[n, 2]`, the middle of each marker.
        sizes: `[n, 2]`, width and height of each name.
        lines: `[m, 4]`, what else is drawn.
        frame: `[4]`, the box to stay within.
    """
    markers = np.hstack([points - RADIUS, points + RADIUS])
    every = [spots(number, markers, size, lines, frame) for number, size in enumerate(sizes)]
    choices = Spots(*(np.concatenate([getattr(each, name) for each in every]) for name in vars(every[0])))
    rows = np.arange(len(choices.cost)).reshape(len(points), -1)
    alone = rows[:, 0] + choices.cost[rows].argmin(1)
    added = np.array([meeting(choices, spot, mine) for spot, mine in zip(alone, rows, strict=True)])
    random = np.random.default_rng(0)
    ends = [descend(choices, random.permutation(len(points)), alone.copy(), added.copy()) for _ in range(STARTS)]
    return choices[min(ends, key=lambda end: end[0])[1]]


def spots(number: int, markers: Array, size: Array, lines: Array, frame: Array) -> Spots:
    """List the spots of a name, with what each costs by itself: way, edge of the axes, markers and lines under it."""
    middle = (markers[number, :2] + markers[number, 2:]) / 2
    rings, sides = np.repeat(RINGS, len(SIDES)), np.tile(SIDES, (len(RINGS), 1))
    centres = middle + sides * (RADIUS + rings[:, None] + size / 2)
    boxes = np.hstack([centres - size / 2 - AIR, centres + size / 2 + AIR])
    near = np.clip(middle, boxes[:, :2] + AIR, boxes[:, 2:] - AIR)
    leaders = np.hstack([np.broadcast_to(middle, near.shape), np.where(rings[:, None] > RINGS[0], near, middle)])
    others = np.delete(markers, number, axis=0)
    outside = (np.maximum(0, frame[:2] - boxes[:, :2]) + np.maximum(0, boxes[:, 2:] - frame[2:])).sum(1)
    cost = rings + SIDE * np.tile(np.arange(len(SIDES)), len(RINGS))
    cost = cost + OVERLAP * (outside + overlap(boxes, markers).sum(1))
    cost = cost + BAR * through(lines, boxes).sum(0) + CROSSED * through(leaders, others).sum(1)
    return Spots(boxes, leaders, cost)


def descend(choices: Spots, order: Array, at: Array, added: Array) -> tuple[float, Array]:
    """Move one name after the other to its best spot, given the others', until none moves.

    Args:
        order: the names' numbers, in the order in which they move.
        at: `[n]`, the spot each name starts from, a row of `choices`, which has as many rows for each name.
        added: `[n, rows]`, what each name there costs the spots of the others.

    Returns:
        What the end costs, and the names' spots.
    """
    rows = np.arange(len(choices.cost)).reshape(len(at), -1)
    for _ in range(ROUNDS):
        before = at.copy()
        for number in order:
            mine = rows[number]
            best = mine[(choices.cost[mine] + added[:, mine].sum(0)).argmin()]
            if best != at[number]:
                at[number], added[number] = best, meeting(choices, best, mine)
        if (at == before).all():
            break
    return float(choices.cost[at].sum() + added[:, at].sum() / 2), at


def meeting(choices: Spots, spot: int, mine: Array) -> Array:
    """Say what a name at a spot costs each spot of the others: names that overlap, a line through a name or a line."""
    one = choices[[spot]]
    near = overlap(choices.reach(), one.reach())[:, 0] > 0
    near[mine] = False
    some = choices[near]
    struck = through(some.leaders, one.boxes) + through(one.leaders, some.boxes).T
    crossed = crossing(some.leaders, one.leaders)
    cost = np.zeros(len(near))
    cost[near] = (OVERLAP * overlap(some.boxes, one.boxes) + STRUCK * struck + CROSSED * crossed)[:, 0]
    return cost


def overlap(some: Array, others: Array) -> Array:
    """Measure the area, `[n, m]`, that boxes share."""
    low, high = np.maximum(some[:, None, :2], others[:, :2]), np.minimum(some[:, None, 2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(-1)


def through(lines: Array, boxes: Array) -> Array:
    """Tell, `[n, m]`, which line runs through which box: it then crosses one of the diagonals."""
    return crossing(lines, boxes) | crossing(lines, boxes[:, [0, 3, 2, 1]])


def crossing(some: Array, others: Array) -> Array:
    """Tell, `[n, m]`, which lines cross: each has the other's ends on either side."""
    return parted(some, others) & parted(others, some).T


def parted(lines: Array, others: Array) -> Array:
    """Tell, `[n, m]`, which line, made endless, has the ends of which other on either side."""
    start, along = lines[:, None, :2], lines[:, None, 2:] - lines[:, None, :2]
    first, last = (
        along[..., 0] * (ends - start)[..., 1] - along[..., 1] * (ends - start)[..., 0]
        for ends in (others[:, :2], others[:, 2:])
    )
    return first * last < 0
