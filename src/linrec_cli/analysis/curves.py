"""A mechanism's cost over lengths, taken from the rows of a sweep, and bootstrap draws of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrec_cli.analysis.tables import COUNTERS, counter, way

Row = dict[str, Any]
Numbers = NDArray[np.float64]

DRAWS = 1000
METRICS = ("seconds", "peak_bytes")
RESOLUTION = {"rss": 2 * 2**20}
"""Bytes that a counter finds where there is nothing to find: pages come in as code runs."""
LABELS = (
    "run", "setup", "created", "command", "dataset", "model", "attention", "options", "form", "width", "heads",
    "layers", "seed", "phase", "stage", "device", "dtype", "threads", "benchmark", "torch", "linrec", "commit",
)  # fmt: skip
"""What stands in every row made from a curve."""
RIVALS = ("phase", "model", "width", "heads", "layers", "dtype")
"""What two mechanisms share that are compared; within a run all else is the same."""


@dataclass(frozen=True)
class Curve:
    """A mechanism's time or memory in one phase, over the lengths that gave a number.

    Attributes:
        way: which of several ways to do the same, where its phase has them.
        labels: what stands in the rows made from it.
        lengths: `[L]`, rising.
        tokens: `[L]`, positions in a batch.
        values: `[L]`, medians.
        draws: `[DRAWS, L]`, medians of resampled samples.
        sampled: whether any length has more than one sample.
        faint: whether a number is left out because its counter cannot tell it from nothing.
    """

    metric: str
    way: str | None
    labels: Row
    lengths: NDArray[np.int64]
    tokens: NDArray[np.int64]
    values: Numbers
    draws: Numbers
    sampled: bool
    faint: bool

    def at(self, places: NDArray[Any]) -> "Curve":
        """Keep some lengths, by mask or by index."""
        lengths, tokens, values = (array[places] for array in (self.lengths, self.tokens, self.values))
        return replace(self, lengths=lengths, tokens=tokens, values=values, draws=self.draws[:, places])


def curves(rows: Sequence[Row]) -> Iterator[Curve]:
    """Make the curves of a sweep; a mechanism that gave no number at all has one without a length."""
    generator = np.random.default_rng(0)
    for same in split([row for row in rows if useful(row)], ("metric", "attention", "options", *RIVALS)):
        parts = [curve([row for row in same if way(row) == name], generator) for name in dict.fromkeys(map(way, same))]
        # A way is known by its name only where it gave a number.
        yield from [part for part in parts if len(part.lengths)] or parts[:1]


def useful(row: Row) -> bool:
    """Tell whether a row is a time or a peak that the algorithm needs; compiling is no cost of a length."""
    return row["metric"] in METRICS and row["phase"] != "compile" and counter(row) in (None, *COUNTERS)


def told(row: Row) -> bool:
    """Tell whether a row has a number that its counter can tell from nothing."""
    return row["status"] == "ok" and min(row.get("samples") or [row["value"]]) > RESOLUTION.get(counter(row) or "", 0)


def split(rows: Iterable[Row], names: Sequence[str]) -> Iterator[list[Row]]:
    """Split rows by what stands under some names; parts come in the order of their first rows."""
    parts: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        parts.setdefault(tuple(row.get(name) for name in names), []).append(row)
    yield from parts.values()


def curve(rows: Sequence[Row], generator: np.random.Generator) -> Curve:
    """Pool the samples of each length and resample them; a length that told nothing is left out."""
    pooled: dict[int, list[float]] = {}
    tokens: dict[int, int] = {}
    for row in sorted(filter(told, rows), key=lambda row: row["maxlen"]):
        pooled.setdefault(row["maxlen"], []).extend(row.get("samples") or [row["value"]])
        tokens[row["maxlen"]] = row.get("tokens") or 0
    drawn = [resampled(np.array(samples), generator) for samples in pooled.values()]
    return Curve(
        metric=rows[0]["metric"],
        way=way(rows[0]),
        labels={name: rows[-1][name] for name in LABELS if rows[-1].get(name) is not None},
        lengths=np.array([*pooled], np.int64),
        tokens=np.array([*tokens.values()], np.int64),
        values=np.array([np.median(samples) for samples in pooled.values()]),
        draws=np.array(drawn).reshape(len(drawn), DRAWS).T,
        sampled=any(len(samples) > 1 for samples in pooled.values()),
        faint=any(row["status"] == "ok" and counter(row) in RESOLUTION and not told(row) for row in rows),
    )


def resampled(samples: Numbers, generator: np.random.Generator) -> Numbers:
    """Draw as many samples as there are, with replacement; `[DRAWS]` medians."""
    places = generator.integers(0, len(samples), (DRAWS, len(samples)))
    return np.asarray(np.median(samples[places], axis=1))
