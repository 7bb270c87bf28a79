"""A figure that was drawn, with the points it shows."""

from dataclasses import dataclass

import polars as pl
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes:
        stem: of the names of its files.
        figure: as matplotlib draws it.
        points: the table it was drawn from.
        command: what measured its numbers.
    """

    stem: str
    figure: Figure
    points: pl.DataFrame
    command: str
