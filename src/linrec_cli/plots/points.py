"""The points of each figure, taken from the results table alone: nothing is measured or guessed here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

GROUP = [
    "command", "dataset", "data_digest", "model", "width", "heads", "layers", "tokens", "device", "dtype",
    "threads", "benchmark", "setup",
]  # fmt: skip
"""What must be the same for numbers to share a figure."""

POINT = ["mechanism", "maxlen"]


@dataclass(frozen=True)
class Panel:
    """A panel: its name, its title, the rows it shows, the factor of their values, cost or quality."""

    name: str
    axis: str
    rows: pl.Expr
    scale: float = 1.0
    cost: bool = True


def profiled(phase: str, metric: str) -> pl.Expr:
    """Choose a profile's rows of one phase and metric; of memory, what the algorithm needs."""
    counter = pl.col("stage").is_null() | pl.col("stage").is_in(["rss", "allocated"])
    named = (pl.col("phase") == phase) & (pl.col("metric") == metric)
    return (pl.col("command") == "profile") & named & counter


def trained(metric: str, more: pl.Expr | None = None) -> pl.Expr:
    """Choose the rows of training runs that have a metric, and those of runs that failed."""
    named = (pl.col("metric") == metric) & (pl.lit(True) if more is None else more)
    return (pl.col("command") == "train") & (named | (pl.col("metric") == "run"))


TEN = (pl.col("stage") == "test") & (pl.col("k") == 10)
MIB = 2.0**-20
PANELS = (
    Panel("quality", "NDCG@10, test", trained("ndcg", TEN), cost=False),
    Panel("epoch", "seconds an epoch", trained("seconds_per_epoch")),
    Panel("memory", "peak memory, MiB", trained("peak_bytes"), MIB),
    Panel("attention", "time, ms", profiled("attention", "seconds"), 1000.0),
    Panel("attention-memory", "peak memory, MiB", profiled("attention", "peak_bytes"), MIB),
    Panel("step", "time, ms", profiled("step", "seconds"), 1000.0),
    Panel("step-memory", "peak memory, MiB", profiled("step", "peak_bytes"), MIB),
)


def groups(table: pl.DataFrame) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """Split the table into figures: what its numbers have in common, and its points, one a row."""
    parts = [points(mechanisms(table).filter(panel.rows), panel) for panel in PANELS]
    whole = pl.concat([part for part in parts if part["value"].count()] or parts[:1])
    for keys, part in whole.group_by(GROUP, maintain_order=True):
        if part["value"].count():
            yield (
                dict(zip(GROUP, keys, strict=True)),
                part.select("panel", *POINT, "value", "low", "high", "runs", "status", "failed", "failure"),
            )


def mechanisms(table: pl.DataFrame) -> pl.DataFrame:
    """Add a column: the mechanism as it is told from others, its options included."""
    given = pl.when(pl.col("options").fill_null("") != "").then(pl.format(":{}", "options")).otherwise(pl.lit(""))
    return table.with_columns(mechanism=pl.col("attention") + given, status=pl.col("status").cast(pl.String))


def points(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Make a panel's points: the mean over seeds, between the lowest and the highest.

    With one seed the spread is the row's own, its quantiles or its error. Of a number that was made again the
    latest counts. `failed` is how many of the runs gave none, `failure` why.
    """
    latest = rows.sort("created").unique([*GROUP, *POINT, "seed"], keep="last", maintain_order=True)
    value = pl.col("value").filter(pl.col("status") == "ok") * panel.scale
    bad = pl.col("status").filter(pl.col("status") != "ok")
    low, high = (pl.col(name).filter(pl.col("status") == "ok").first() * panel.scale for name in ("low", "high"))
    return (
        latest.group_by([*GROUP, *POINT], maintain_order=True)
        .agg(
            panel=pl.lit(panel.name),
            value=value.mean(),
            low=pl.when(value.count() > 1).then(value.min()).otherwise(low),
            high=pl.when(value.count() > 1).then(value.max()).otherwise(high),
            runs=value.count(),
            status=pl.when(value.count() > 0).then(pl.lit("ok")).otherwise(pl.col("status").first()),
            failed=bad.count(),
            failure=bad.first(),
        )
        .sort("panel", *POINT)
    )
