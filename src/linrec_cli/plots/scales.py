"""The two axes: lengths by powers of two, values by what they span."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from linrec_cli.plots.style import FONT

STEEP = 8.0
"""From this ratio of the highest cost to the lowest on, the axis is logarithmic."""

MANY = 1000.0
"""From this ratio on, decades alone have a tick."""
LEAST = 1.5
"""Ratio that an axis of costs spans at least: what is all but the same must look so."""
LETTER = 0.62
"""Width of a digit as a share of the size of its font."""
UNSEEN = str.maketrans("", "", "$^{}\\")
"""What a formula is written with and nobody sees."""
MOST_BESIDE = 0.7
"""Share of a panel's width that names beside it take at most."""
MOST = 99
"""Decades that an axis may span: with fewer, a small panel would have no ticks at all."""
TICKS = (
    (MANY, (1.0,)),
    (STEEP, (1.0, 2.0, 5.0)),
    (4.0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    (1.8, (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)),
)
"""From which ratio on which decimal multiples have ticks on a logarithmic axis; below, it is all but linear."""


def lengths(axes: Axes, measured: Sequence[int]) -> None:
    """Set the horizontal axis: a tick a length."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(measured[0] / 1.2, measured[-1] * 1.2)
    axes.xaxis.set_major_locator(FixedLocator([float(length) for length in measured]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))


def touch(axes: Axes, measured: Sequence[int], beside: Sequence[str]) -> bool:
    """Tell whether the numbers of lengths would touch once names `beside` the axes have taken of their width.

    The axes must have the size that they have without the names.
    """
    left, right = axes.get_xlim()
    middles = [math.log(length / left) / math.log(right / left) for length in measured]
    width = 1 - min(MOST_BESIDE, longest(axes, beside))
    halves = [share(axes, len(f"{length:,}") + 0.5) / 2 / width for length in measured]
    return any(b - a < one + other for (a, b), (one, other) in zip(pairwise(middles), pairwise(halves), strict=True))


def longest(axes: Axes, names: Iterable[str]) -> float:
    """Estimate the share of the axes' width that the longest of some names takes, which may hold a formula."""
    return share(axes, max((len(name.translate(UNSEEN)) for name in names), default=0))


def share(axes: Axes, letters: float) -> float:
    """Estimate the share of the axes' width that so many letters or digits take."""
    return LETTER * FONT / 72 * letters / (axes.bbox.width / axes.figure.dpi)


def values(axes: Axes, drawn: Sequence[float], kind: str, above: float, axis: str = "y") -> None:
    """Set the vertical axis, or the one of that name, with the share `above` of it left free at its end.

    A cost starts at zero, or is logarithmic where it spans much; a ratio is logarithmic; a quality fills the height.
    """
    low, high = min(drawn), max(drawn)
    if low > 0 and (kind == "ratio" or (kind == "cost" and high / low > STEEP)):
        logarithmic(axes, axis, ticks(low, high), "x" if kind == "ratio" else "")
        bottom, top = (math.exp(end) for end in ends(math.log(low), math.log(high), above))
    else:
        bottom, top = (0.0, ends(0.0, high, above)[1]) if kind == "cost" else ends(low, high, above)
        if axis == "x":
            # Numbers side by side are as wide as they are long.
            axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set(**{f"{axis}lim": (bottom, top)})


def logarithmic(axes: Axes, axis: str, locator: Locator, unit: str = "") -> None:
    """Make an axis logarithmic, with ticks in plain numbers where the locator has them and nowhere else."""
    getattr(axes, f"set_{axis}scale")("log", base=10)
    ticked = getattr(axes, f"{axis}axis")
    ticked.set_major_locator(locator)
    ticked.set_minor_locator(NullLocator())
    ticked.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}{unit}"))


def costs(axes: Axes, drawn: Sequence[float]) -> None:
    """Set a horizontal axis of costs: logarithmic, so that the same step to the right is the same factor."""
    low, high = min(drawn), max(drawn)
    widen = max(1.0, LEAST * low / high) ** 0.5
    low, high = low / widen, high * widen
    logarithmic(axes, "x", ticks(low, high))
    axes.set_xlim(*(math.exp(end) for end in ends(math.log(low), math.log(high), 0.0)))


def ticks(low: float, high: float) -> Locator:
    """Place the ticks of a logarithmic axis, so that there are enough of them and not too many."""
    return next((LogLocator(subs=subs, numticks=MOST) for least, subs in TICKS if high / low > least), MaxNLocator(5))


def ends(low: float, high: float, above: float) -> tuple[float, float]:
    """Widen a range by a little, and so far upwards that `above` of the whole is free."""
    room = 0.08 * (high - low or abs(high) or 1.0)
    bottom, top = low - room, high + room
    return bottom, bottom + (top - bottom) / (1 - min(above, 0.6))
