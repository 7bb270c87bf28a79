"""What panels there are: which rows each shows, under which title, and which kind of number they are."""

from dataclasses import dataclass

import polars as pl

from linrec_cli.analysis.labels import QUALITY, metric_label
from linrec_cli.analysis.reading import NEEDED

REASONS = {"oom": "out of memory", "timeout": "out of time", "error": "failed"}
"""Why there is no number, in words."""


@dataclass(frozen=True)
class Panel:
    """A panel: its name, its title, the rows it shows, the factor of their values, their kind, their slopes' metric.

    A kind is `cost` (less is better), `quality`, or `ratio` (of the baseline's cost to one's own).
    """

    name: str
    title: str
    rows: pl.Expr
    scale: float = 1.0
    kind: str = "cost"
    slope: str = ""


def profiled(metric: str) -> pl.Expr:
    """Choose a profile's rows of one metric; of memory, what the algorithm needs."""
    needed = pl.col("counter").is_null() | pl.col("counter").is_in(NEEDED)
    chosen = needed if metric == "peak_bytes" else pl.lit(True)
    return (pl.col("command") == "profile") & (pl.col("metric") == metric) & chosen


def trained(metric: str, more: pl.Expr | None = None) -> pl.Expr:
    """Choose the rows of training runs that have a metric, and those of runs that failed."""
    named = (pl.col("metric") == metric) & (pl.lit(True) if more is None else more)
    return (pl.col("command") == "train") & (named | (pl.col("metric") == "run"))


TESTED = (pl.col("stage") == "test") & (pl.col("k") == QUALITY["k"])
MIB = 2.0**-20
PANELS = (
    Panel("quality", f"{metric_label(QUALITY)}, test", trained(QUALITY["metric"], TESTED), kind="quality"),
    Panel("epoch", "seconds an epoch", trained("seconds_per_epoch")),
    Panel("time", "time, ms", profiled("seconds"), 1000.0, slope="time_slope"),
    Panel("speedup", "speed-up over {baseline}", profiled("speedup"), kind="ratio"),
    Panel("memory", "peak memory, MiB", trained("peak_bytes") | profiled("peak_bytes"), MIB, slope="memory_slope"),
    Panel("saved", "kept for the backward pass, MiB", profiled("saved_bytes"), MIB),
    Panel("state", "kept for each user, KiB", profiled("state_bytes"), 1024 * MIB),
)
