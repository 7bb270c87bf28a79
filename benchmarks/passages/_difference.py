"""How far two trainings are apart, how sure that is, and whether it is more than chance."""

from math import erfc, sqrt
from typing import NamedTuple

from linrec_cli.analysis.significance import holm
from linrec_cli.analysis.student import two_sided
from passages._line import Line
from passages._words import number

LEAST = 0.001
"""Below this a probability has no digits."""
ALPHA = 0.05
"""Probability up to which a difference is told as more than chance."""


class Difference(NamedTuple):
    """A difference of two means.

    Attributes:
        error: its standard error.
        p: the probability of one as large where there is none.
    """

    gain: float
    error: float
    p: float

    def __str__(self) -> str:
        """Write it with its sign and its error."""
        return f"{signed(self.gain)} ± {number(self.error, 4)}"

    @property
    def chance(self) -> str:
        """Write its probability."""
        return "p < .001" if self.p < LEAST else f"p {number(self.p, 3)}"


def difference(line: Line, base: Line) -> Difference:
    """Tell how much higher a training ranks than another; users and seeds are unpaired.

    Source: Welch 1947, Biometrika 34 (the degrees of freedom of two means of unlike spread).
    """
    gain, sides = line.ndcg - base.ndcg, [(one.error**2, one.degrees) for one in (line, base)]
    square = sum(own for own, _ in sides)
    if not square:
        return Difference(gain, 0.0, float(gain == 0))
    rest, t = sum(own * own / degrees for own, degrees in sides), gain / sqrt(square)
    p = two_sided(t, square**2 / rest) if rest else erfc(abs(t) / sqrt(2))
    return Difference(gain, sqrt(square), p)


def beyond(found: list[Difference], *, together: bool = False) -> list[bool]:
    """Tell which differences are more than chance; `together`: all of them at once, by Holm."""
    p = [one.p for one in found]
    return [one <= ALPHA for one in (holm(p) if together else p)]


def signed(value: float) -> str:
    """Write a change with its sign."""
    return f"{'+' if value > 0 else ''}{number(value, 4)}"
