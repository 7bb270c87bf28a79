"""A figure that was drawn, with the points it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
        keys: what they have in common, by the columns of the table.
    """

    stem: str
    figure: Figure
    points: pl.DataFrame
    command: str
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """Say in words what the figure shows, how its numbers were made, and what to beware of."""
        return str(self.figure.get_label())

    @property
    def compares(self) -> bool:
        """Whether it shows more than a line of a table says better."""
        return compares(self.command, self.points)


def compares(command: str, points: pl.DataFrame) -> bool:
    """Tell whether points are more than one mechanism trained at one length."""
    return command != "train" or points.select("mechanism", "maxlen").n_unique() > 1
