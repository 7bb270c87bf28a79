"""A curve as text, no wider than a plain terminal."""

import math
from collections.abc import Sequence
from itertools import pairwise

WIDE, HIGH = 70, 8
"""Columns and lines of the curve itself; a line is 80 columns with its label."""
APART = 4
"""Columns between neighbours, at most."""


def chart(values: Sequence[float]) -> list[str]:
    """Draw values in their order, the first as number 1; what is not finite is left out.

    Where there are more than fit, a column is the mean of its neighbours.
    """
    step = max(1, min(APART, WIDE // max(1, len(values))))
    columns = pooled(values, WIDE) if len(values) > WIDE else list(values)
    points = [(step * place, value) for place, value in enumerate(columns) if math.isfinite(value)]
    if not points:
        return []
    low, high = (extreme(value for _, value in points) for extreme in (min, max))
    # Halves, as what lies between the ends of what numbers can be is none.
    span = high / 2 - low / 2
    grid = [[" "] * (step * (len(columns) - 1) + 1) for _ in range(HIGH)]
    for place, value in points:
        level = round((value / 2 - low / 2) / span * (HIGH - 1)) if span else 0
        grid[HIGH - 1 - level][place] = "*"
    labels = [f"{high:.4g}", *[""] * (HIGH - 2), f"{low:.4g}"]
    lines = [f"{label:>8} |{''.join(cells)}".rstrip() for label, cells in zip(labels, grid, strict=True)]
    return [*lines, axis(len(values), len(grid[0]))]


def axis(count: int, wide: int) -> str:
    """Write the numbers of the first and the last value under their columns."""
    return f"{'':10}1{count if count > 1 else '':>{max(0, wide - 1)}}"


def pooled(values: Sequence[float], columns: int) -> list[float]:
    """Average values into columns of as equal a size as can be."""
    borders = [number * len(values) // columns for number in range(columns + 1)]
    parts = (values[first:last] for first, last in pairwise(borders))
    return [sum(part) / len(part) for part in parts]
