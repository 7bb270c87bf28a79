"""A mechanism's cost over lengths, taken from the rows of a sweep, and bootstrap draws of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from linrec_cli.analysis import phases
from linrec_cli.analysis.reading import NEEDED, Row, over_runs, parts, read
from linrec_cli.profiling.memory import RESOLUTION

Numbers = NDArray[np.float64]

DRAWS = 1000
METRICS = ("seconds", "peak_bytes")
LABELS = (
    "run", "setup", "created", "command", "dataset", "model", "objective", "loss", "attention", "options", "form",
    "width", "heads", "layers", "seed", "phase", "stage", "device", "dtype", "threads", "processes", "benchmark",
    "torch", "linrec", "commit",
)  # fmt: skip
"""What stands in every row made from a curve."""
RIVALS = ("phase", "model", "width", "heads", "layers", "dtype")
"""What two mechanisms share that are compared; within a run all else is the same."""
LEAST_NUMBER = pl.min_horizontal(pl.col("samples").list.min(), "value")
NOTHING = pl.col("counter").replace_strict(RESOLUTION, default=0, return_dtype=pl.Int64).fill_null(0)
FINITE = pl.coalesce(pl.col("samples").list.sum(), "value").is_finite() & pl.col("value").is_finite()
TELLS = ((pl.col("status") == "ok") & FINITE & LEAST_NUMBER.gt(NOTHING) & pl.col("maxlen").ge(1)).fill_null(False)
"""Whether a row has a number, at a length, that its counter can tell from nothing."""
FAINT = pl.col("status").is_in(("ok", "skipped"))
"""Rows with a counter that was read: one of nothing at all is `skipped`."""


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


def curves(table: pl.DataFrame) -> Iterator[Curve]:
    """Make the curves of a sweep that was read; a mechanism that gave no number at all has one without a length."""
    generator = np.random.default_rng(0)
    for same in parts(useful(table), ("metric", "mechanism", *RIVALS)):
        found = [curve(way, generator) for way in parts(same, ["way"])]
        # A way is known by its name only where it gave a number.
        yield from [one for one in found if len(one.lengths)] or found[:1]


def useful(table: pl.DataFrame) -> pl.DataFrame:
    """Take the rows of a time or a peak that the algorithm needs, in phases that cost by the length."""
    needed = pl.col("counter").is_null() | pl.col("counter").is_in(NEEDED)
    sloped = ~pl.col("phase").is_in(phases.without_slopes()).fill_null(False)
    return table.filter(pl.col("metric").is_in(METRICS), needed, sloped)


def curve(rows: pl.DataFrame, generator: np.random.Generator) -> Curve:
    """Pool the samples of each length and resample them; a length that told nothing is left out."""
    several = pl.col("samples").list.len() > 0
    pooled = (
        rows.filter(TELLS)
        .with_columns(samples=pl.when(several).then("samples").otherwise(pl.concat_list("value")))
        .explode("samples")
        .drop_nulls("samples")
        .group_by("maxlen")
        .agg("samples", tokens=pl.col("tokens").last().fill_null(0))
        .sort("maxlen")
    )
    samples = pooled["samples"].to_list()
    drawn = [resampled(np.array(one), generator) for one in samples]
    last = rows.row(-1, named=True)
    return Curve(
        metric=last["metric"],
        way=last["way"],
        labels={name: last[name] for name in LABELS if last[name] is not None},
        lengths=pooled["maxlen"].to_numpy().astype(np.int64),
        tokens=pooled["tokens"].to_numpy().astype(np.int64),
        values=np.array([over_runs(one) for one in samples]),
        draws=np.array(drawn).reshape(len(drawn), DRAWS).T,
        sampled=any(len(one) > 1 for one in samples),
        faint=len(rows.filter(~TELLS, pl.col("counter").is_in(list(RESOLUTION)), FAINT)) > 0,
    )


def together(found: Sequence[Curve], names: Sequence[str]) -> Iterator[list[Curve]]:
    """Split curves by what stands under some names in the rows made from them."""
    for part in parts(read([one.labels for one in found]).with_row_index("place"), names):
        yield [found[place] for place in part["place"]]


def resampled(samples: Numbers, generator: np.random.Generator) -> Numbers:
    """Draw as many samples as there are, with replacement; `[DRAWS]` medians."""
    places = generator.integers(0, len(samples), (DRAWS, len(samples)))
    return np.asarray(np.median(samples[places], axis=1))
