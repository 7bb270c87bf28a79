"""The two axes: lengths by powers of two, values by what they span."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

STEEP = 8.0
"""From this ratio of the highest cost to the lowest on, the axis is logarithmic."""

LEAST = 1.5
"""Ratio that an axis of costs spans at least: what is all but the same must look so."""
TICKS = (
    (STEEP, (1.0, 2.0, 5.0)),
    (4.0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    (1.8, (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)),
)
"""From which ratio on which decimal multiples have ticks on a logarithmic axis; below, it is all but linear."""


def lengths(axes: Axes, measured: Sequence[int]) -> None:
    """Set the horizontal axis: a tick a length."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(measured[0] / 1.2, measured[-1] * 1.2)
    axes.xaxis.set_major_locator(FixedLocator([float(length) for length in thinned(measured)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))


def thinned(measured: Sequence[int]) -> list[int]:
    """Keep the lengths whose ticks do not touch: each at least 1.35 times the one before."""
    kept: list[int] = []
    for length in measured:
        if not kept or length >= 1.35 * kept[-1]:
            kept.append(length)
    return kept


def values(axes: Axes, drawn: Sequence[float], cost: bool, above: float) -> None:
    """Set the vertical axis, with the share `above` of its height left free at the top.

    A cost starts at zero, or is logarithmic where it spans much; a quality fills the height.
    """
    low, high = min(drawn), max(drawn)
    if cost and low > 0 and high / low > STEEP:
        axes.set_yscale("log", base=10)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
        bottom, top = (math.exp(end) for end in ends(math.log(low), math.log(high), above))
    else:
        bottom, top = ends(low, high, above) if not cost else (0.0, ends(0.0, high, above)[1])
    axes.set_ylim(bottom, top)


def costs(axes: Axes, drawn: Sequence[float]) -> None:
    """Set a horizontal axis of costs: logarithmic, so that the same step to the right is the same factor."""
    low, high = min(drawn), max(drawn)
    widen = max(1.0, LEAST * low / high) ** 0.5
    low, high = low / widen, high * widen
    axes.set_xscale("log", base=10)
    axes.set_xlim(*(math.exp(end) for end in ends(math.log(low), math.log(high), 0.0)))
    axes.xaxis.set_major_locator(
        next((LogLocator(subs=subs) for least, subs in TICKS if high / low > least), MaxNLocator(5))
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))


def ends(low: float, high: float, above: float) -> tuple[float, float]:
    """Widen a range by a little, and so far upwards that `above` of the whole is free."""
    room = 0.08 * (high - low or abs(high) or 1.0)
    bottom, top = low - room, high + room
    return bottom, bottom + (top - bottom) / (1 - min(above, 0.6))
