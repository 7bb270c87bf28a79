"""How figures look: colours that colour-blind readers tell apart, a marker a mechanism, few lines."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes

# Okabe & Ito 2008, without the yellow, which is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# No crosses: a cross says that nothing could be measured.
MARKERS = ("o", "s", "^", "D", "v", "p", "h")
GREY, LIGHT = "#555555", "#DDDDDD"
FONT = 9.0


@dataclass(frozen=True)
class Look:
    """The colour and the marker of a mechanism."""

    colour: str
    marker: str


def looks(*names: Iterable[str]) -> dict[str, Look]:
    """Give each mechanism a look that follows from its name, so that it keeps it from figure to figure.

    Two names that would share one are told apart by the next free colour, then by the marker; of them the one
    in an earlier list keeps its own.
    """
    given: dict[str, Look] = {}
    for name in dict.fromkeys(name for part in names for name in sorted(part)):
        first = zlib.crc32(name.encode()) % len(COLOURS)
        free = [look for look in map(looked, range(first, first + len(COLOURS) ** 2)) if look not in given.values()]
        used = {look.colour for look in given.values()}
        given[name] = next((look for look in free if look.colour not in used), free[0])
    return given


def looked(number: int) -> Look:
    """Make look number so-and-so: each colour with its marker first, then with the others'."""
    colour, shift = number % len(COLOURS), number // len(COLOURS)
    return Look(COLOURS[colour], MARKERS[(colour + shift) % len(MARKERS)])


def plain(axes: Axes) -> None:
    """Leave two spines and a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(True, color=LIGHT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=GREY, labelsize=FONT, length=3)
