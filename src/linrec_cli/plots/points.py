"""The points of each figure, taken from the results table alone: nothing is measured or guessed here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli.plots import derived
from linrec_cli.plots.labelled import GROUP, LINE, PARTS, labelled, latest

POINT = [*LINE, "maxlen"]
COLUMNS = ["panel", *POINT, "value", "low", "high", "runs", "status", "failed", "failure", "slope", "baseline"]
"""Of the table that lies beside a figure: all that is drawn."""


@dataclass(frozen=True)
class Panel:
    """A panel: its name, its title, the rows it shows, the factor of their values, its kind, the metric of its slopes.

    A kind is `cost` (less is better), `quality`, or `ratio` (of the baseline's cost to one's own).
    """

    name: str
    axis: str
    rows: pl.Expr
    scale: float = 1.0
    kind: str = "cost"
    slope: str = ""


def profiled(metric: str) -> pl.Expr:
    """Choose a profile's rows of one metric; of memory, what the algorithm needs."""
    counter = pl.col("stage").str.split(".").list.last()
    needed = counter.is_null() | counter.is_in(["rss", "allocated"]) if metric == "peak_bytes" else pl.lit(True)
    return (pl.col("command") == "profile") & (pl.col("metric") == metric) & needed


def trained(metric: str, more: pl.Expr | None = None) -> pl.Expr:
    """Choose the rows of training runs that have a metric, and those of runs that failed."""
    named = (pl.col("metric") == metric) & (pl.lit(True) if more is None else more)
    return (pl.col("command") == "train") & (named | (pl.col("metric") == "run"))


TEN = (pl.col("stage") == "test") & (pl.col("k") == 10)
MIB = 2.0**-20
PANELS = (
    Panel("quality", "NDCG@10, test", trained("ndcg", TEN), kind="quality"),
    Panel("epoch", "seconds an epoch", trained("seconds_per_epoch")),
    Panel("time", "time, ms", profiled("seconds"), 1000.0, slope="time_slope"),
    Panel("speedup", "speed-up over {baseline}", profiled("speedup"), kind="ratio"),
    Panel("memory", "peak memory, MiB", trained("peak_bytes") | profiled("peak_bytes"), MIB, slope="memory_slope"),
    Panel("saved", "kept for the backward pass, MiB", profiled("saved_bytes"), MIB),
    Panel("state", "kept for each user, KiB", profiled("state_bytes"), 1024 * MIB),
)


def groups(table: pl.DataFrame) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """Split the table into figures: what its numbers have in common, and its points, one a row.

    A few points are no line's: in the panel `limit` the memory that a cell ran out of, in `crossover` the length from
    which on a mechanism is faster than the baseline of the speed-ups.
    """
    rows = labelled(table)
    whole = (pl.col("phase") == "attention").any().over("run")
    rows = rows.filter(~(pl.col("phase").is_in(PARTS).fill_null(False) & whole.fill_null(False)))
    rows = pl.concat([rows, derived.speedups(rows.filter(profiled("seconds"), status="ok"))])
    parts = [points(rows, panel) for panel in PANELS]
    found = pl.concat([part for part in parts if part["value"].count()] or parts[:1])
    more = pl.concat([derived.limits(rows, MIB), derived.crossings(rows)], how="diagonal")
    for keys, part in found.group_by(GROUP, maintain_order=True):
        if part["value"].count():
            shared = dict(zip(GROUP, keys, strict=True))
            mine = more.filter(*(pl.col(name).eq_missing(pl.lit(value)) for name, value in shared.items()))
            yield shared, pl.concat([part, mine], how="diagonal").select(COLUMNS)


def points(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Make a panel's points: the mean over seeds, between the lowest and the highest.

    With one seed the spread is the row's own, its quantiles or its error. Of a number that was made again the
    latest counts. `failed` is how many of the runs gave none, `failure` why.
    """
    value = pl.col("value").filter(pl.col("status") == "ok") * panel.scale
    bad = pl.col("status").filter(pl.col("status") != "ok")
    low, high = (pl.col(name).filter(pl.col("status") == "ok").first() * panel.scale for name in ("low", "high"))
    return (
        latest(rows.filter(panel.rows), "maxlen", "seed")
        .group_by([*GROUP, *POINT], maintain_order=True)
        .agg(
            panel=pl.lit(panel.name),
            value=value.mean(),
            low=pl.when(value.count() > 1).then(value.min()).otherwise(low),
            high=pl.when(value.count() > 1).then(value.max()).otherwise(high),
            runs=value.count(),
            status=pl.when(value.count() > 0).then(pl.lit("ok")).otherwise(pl.col("status").first()),
            failed=bad.count(),
            failure=bad.first(),
            baseline=pl.col("stage").first() if panel.kind == "ratio" else pl.lit(None, pl.String),
        )
        .join(derived.slopes(rows, panel.slope), on=[*GROUP, *LINE], how="left", nulls_equal=True)
        .sort("panel", *POINT)
    )
