"""Panels in rows without a gap: where the last row would have fewer, all rows share them out."""

from math import lcm
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def shares(count: int, across: int) -> list[int]:
    """Spread panels over as few rows of at most `across` as hold them, as evenly as can be, fuller rows first."""
    rows = -(-count // across)
    return [count // rows + (row < count % rows) for row in range(rows)]


def panels(figure: Figure, count: int, across: int, *, one_scale: bool = False) -> list[Axes]:
    """Make the axes of panels, a row after the other; each row is as wide as the figure.

    Args:
        one_scale: they share their vertical axis.
    """
    rows = shares(count, across)
    grid, found = figure.add_gridspec(len(rows), lcm(*rows)), list[Axes]()
    for row, own in enumerate(rows):
        span = grid.ncols // own
        for place in range(own):
            more: dict[str, Any] = {"sharey": found[0]} if one_scale and found else {}
            found.append(figure.add_subplot(grid[row, place * span : (place + 1) * span], **more))
            if one_scale and place:
                found[-1].tick_params(labelleft=False)
    return found
