"""What mechanisms will cost on some data: measured curves over lengths, laid over the lengths that the data have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.reading import NEEDED, over_runs, read

Shapes = Sequence[tuple[int, int]]
"""Positions and sequences of each batch."""


@dataclass(frozen=True)
class Curve:
    """What a phase costs a mechanism, by length.

    Attributes:
        seconds: a sequence of so many positions.
        bytes: the peak of a batch, where it was measured.
        contended: others used the cores at a length, whenever it was timed.
    """

    seconds: Mapping[int, float]
    bytes: Mapping[int, float] = field(default_factory=dict)
    contended: bool = False

    def time(self, shapes: Shapes) -> float:
        """Give the seconds that batches take together.

        Between two lengths a position costs what lies on the straight line; beyond them as much as at the end.
        """
        lengths = sorted(self.seconds)
        costs = [self.seconds[length] / length for length in lengths]
        widths, counts = np.array(shapes, dtype=np.float64).T
        return float((np.interp(widths, lengths, costs) * widths * counts).sum())

    def peak(self, shapes: Shapes) -> float | None:
        """Give the greatest peak of the lengths measured, up to the first that holds the longest batch."""
        longest = max(width for width, _ in shapes)
        enough = min((length for length in self.seconds if length >= longest), default=longest)
        return max((size for length, size in self.bytes.items() if length <= enough), default=None)


@dataclass(frozen=True)
class Cost:
    """What a mechanism will cost at a length, on some data.

    Attributes:
        epoch: seconds of training.
        evaluation: seconds of ranking every user once.
        bytes: peak of a training step; None where no counter told it.
        contended: others used the cores when it was timed.
    """

    attn: str
    maxlen: int
    epoch: float
    evaluation: float
    bytes: float | None
    contended: bool = False

    @property
    def seconds(self) -> float:
        """Give the seconds of an epoch and its validation."""
        return self.epoch + self.evaluation


def curves(rows: pl.DataFrame, phase: str) -> dict[str, Curve]:
    """Take the curves of a phase out of a profile's rows, by mechanism; of several runs the median."""
    there = read(rows).filter((pl.col("phase") == phase) & (pl.col("status") == "ok"))
    found: dict[str, Curve] = {}
    for name in there["mechanism"].unique(maintain_order=True):
        own = there.filter(mechanism=name)
        # Where a GPU has a time of its own, an epoch takes that of its host.
        waited = own.filter(metric="wall_seconds")
        times = waited if len(waited) else own.filter(metric="seconds")
        peaks = own.filter(pl.col("counter").is_in(NEEDED), metric="peak_bytes")
        count = (pl.col("tokens") // pl.col("maxlen")).clip(1)
        times = calm(times.with_columns(value=pl.col("value") / count))
        found[name] = Curve(by_length(times), by_length(peaks), bool(times["contended"].any()))
    return found


def calm(times: pl.DataFrame) -> pl.DataFrame:
    """Leave out what was timed while others used the cores, where the same length has other times."""
    busy = pl.col("contended").fill_null(False)
    return times.filter(~busy | busy.all().over("maxlen"))


def by_length(rows: pl.DataFrame) -> dict[int, float]:
    """Sum several runs up, by length."""
    return {length: over_runs(part["value"].to_list()) for (length,), part in rows.group_by("maxlen")}


MARGIN = 0.05
"""Share of its time that one must save to be called faster: less is as noisy as it is."""


def pays(costs: Iterable[Cost]) -> list[str]:
    """Say for each mechanism from which length on it takes less time than the baseline, training and validation."""
    found: dict[str, dict[int, float]] = {}
    for one in costs:
        found.setdefault(one.attn, {})[one.maxlen] = one.seconds
    base = baselines(list(found))[:1]
    least = {n: (1 - MARGIN) * cost for n, cost in found[base[0]].items()} if base else {}
    return [
        f"{name} {where([n for n, cost in own.items() if cost < least[n]], sorted(own))} than {base[0]}."
        for name, own in found.items()
        if name not in base
    ]


def where(faster: Sequence[int], lengths: Sequence[int]) -> str:
    """Say at which of some lengths something is faster."""
    if len(faster) == len(lengths):
        return "is faster at every length here"
    if not faster:
        return "is at no length here faster"
    since = min(faster)
    if [length for length in lengths if length >= since] == sorted(faster):
        return f"is faster from maxlen {since:,} on"
    return f"is faster at maxlen {', '.join(f'{length:,}' for length in sorted(faster))} alone"
