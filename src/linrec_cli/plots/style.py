"""How figures look: colours that colour-blind readers tell apart, a marker a mechanism, few lines."""

import textwrap
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from linrec_cli import catalog
from linrec_cli.names import shown

# Okabe & Ito 2008, without the yellow, which is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# No crosses: a cross says that nothing could be measured.
MARKERS = ("o", "s", "^", "D", "v", "p", "h")
# A colour's first mechanism has a solid line and a full marker, its second neither, and so on.
DASHES = ("-", "--", "-.", ":")
GREY, LIGHT = "#555555", "#DDDDDD"
FONT = 9.0
WIDE, NARROW = 4.8, 3.2
"""Inches of a panel's width, names included: where no width is asked for, and at least."""
AGAIN = "recomputation"
"""The way to serve that keeps nothing: its line is dotted and its markers are hollow."""


@dataclass(frozen=True)
class Look:
    """The colour, the marker and the line of a mechanism."""

    colour: str
    marker: str
    hollow: bool = False
    dash: str = "-"

    def drawn(self) -> dict[str, Any]:
        """Say the look as `Axes.plot` takes it."""
        face = "white" if self.hollow else self.colour
        return {"color": self.colour, "marker": self.marker, "markerfacecolor": face, "linestyle": self.dash}

    def of(self, way: str | None) -> "Look":
        """Give the look of a way that the mechanism does it."""
        return replace(self, dash=":", hollow=True) if way == AGAIN else self


Looks = dict[str, Look]
"""By mechanism."""
FIRST = ("softmax", "linear", "linear-gated", "softmax-naive", "linear-released", "retention", "mean")
"""A colour each, alone under their solid lines."""
TURNS = 20
"""Markers and lines that a name outside the catalogs is spread over."""


def looks(*names: Iterable[str]) -> Looks:
    """Give each mechanism a look that follows from its name alone, so that it keeps it from figure to figure.

    Each mechanism of the catalog, and each model, has a number; with options it keeps its colour under another marker
    and line, which, like the look of what is in no catalog, hang on a digest of the name. Only two such names of the
    same digest hang on each other: the latter in the alphabet takes the next marker.
    """
    own = numbers()
    given = {name: own[name] for part in names for name in part if name in own}
    for name in sorted({name for part in names for name in part} - own.keys()):
        code = zlib.crc32(name.encode())
        colour, turn = own.get(name.partition(":")[0], code) % len(COLOURS), code // len(COLOURS) % TURNS
        number = colour + len(COLOURS) * (max(own.values()) // len(COLOURS) + 1 + turn)
        while number in given.values():
            number += len(COLOURS)
        given[name] = number
    return {name: looked(number) for name, number in given.items()}


@cache
def numbers() -> dict[str, int]:
    """Number the mechanisms and models of the catalogs, those that are compared most first."""
    known = dict.fromkeys([*FIRST, *catalog.names("attentions"), *catalog.names("models")])
    return {name: number for number, name in enumerate(known)}


def looked(number: int) -> Look:
    """Make look number so-and-so: each colour with its marker first, then with the others'."""
    colour, shift = number % len(COLOURS), number // len(COLOURS)
    marker = MARKERS[(colour + shift) % len(MARKERS)]
    return Look(COLOURS[colour], marker, shift % 2 == 1, DASHES[shift % len(DASHES)])


def titled(figure: Figure, heading: str, about: str, below: Sequence[str]) -> None:
    """Write the heading above a figure and lines below it, each on as many lines as the width asks for.

    All of it, and what the figure is `about`, becomes its label, from which its caption is taken.
    """
    inches = figure.get_figwidth()
    how = "; ".join(below).replace("   ", ", ")
    figure.set_label(shown(f"{heading}. {about}. {how[:1].upper()}{how[1:]}."))
    above = textwrap.fill(heading, int(inches / 0.105))
    text = "\n".join(textwrap.fill(line, int(inches / 0.064)) for line in below)
    figure.suptitle(literal(above), x=0.01, ha="left", fontsize=FONT + 3, fontweight="bold")
    figure.supxlabel(literal(text), x=0.01, ha="left", fontsize=FONT - 1, color=GREY)


def named(axes: Axes, above: str, below: str) -> None:
    """Write what a panel shows above it, and what its horizontal axis is, or where it stands, below."""
    axes.set_title(literal(above), loc="left", fontsize=FONT + 1, color=GREY)
    axes.set_xlabel(literal(below), fontsize=FONT, color=GREY)


def literal(text: str) -> str:
    """Write a text that may hold names so that matplotlib takes no dollar in it for the start of a formula."""
    return text.replace("$", r"\$")


def plain(axes: Axes) -> None:
    """Leave two spines and a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(True, color=LIGHT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=GREY, labelsize=FONT, length=3)
