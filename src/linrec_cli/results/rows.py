"""The rows of a training run and of an evaluation."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from linrec_cli import catalog
from linrec_cli.models._recommender import reads
from linrec_cli.settings import Train, options, setup

Row = dict[str, Any]

SETTINGS = (
    "data_digest",
    "model",
    "objective",
    "loss",
    "width",
    "heads",
    "layers",
    "maxlen",
    "tokens",
    "seed",
    "dtype",
    "order",
)
"""Settings that are columns of the same name."""


EMPTY = "nothing was left to recommend, and so there is nothing to average"
"""The note of a metric that has no value, though all is well."""


def shared(settings: Train, command: str, run: str, created: Any, environment: Mapping[str, Any]) -> Row:
    """Say how the numbers of a run were made: what stands in each of its rows."""
    attention, given = options(settings.attn)
    columns = {name: getattr(settings, name) for name in SETTINGS}
    own = {"run": run, "setup": setup(settings), "created": created, "command": command, "dataset": settings.data}
    aware = "target_times" in reads(settings.model)
    named = {"attention": attention, "options": given, "threads": settings.threads, "time_aware": aware}
    return columns | own | named | dict(environment)


def quality(
    stage: str,
    summary: pl.DataFrame,
    *,
    split: str = "leave-one-out",
    protocol: str = "full",
    seen: str = "remove",
    golds: str = "",
    note: str = "",
) -> list[Row]:
    """Make a row of each metric; `low` and `high` are one standard error over users away.

    Args:
        golds: which of them were ranked: `repeated`, those that their user had before, or `new`; empty: all.
    """
    how = {"stage": stage, "split": split, "protocol": protocol, "seen": seen, "ties": "mean"}
    more = {"note": note} if note else {}
    return [
        row
        | {"metric": ":".join(filter(None, (row["metric"], golds)))}
        | {"unit": getattr(catalog.load("metrics", row["metric"]), "UNIT", "1")}
        | how
        | more
        | ({} if row["value"] == row["value"] else {"value": None, "status": "skipped", "note": EMPTY})
        for row in summary.to_dicts()
    ]


def of_targets(
    stage: str, metric: str, value: float, *, split: str, seen: str, protocol: str = "full", unit: str = "1",
    note: str = "",
) -> Row:  # fmt: skip
    """Make the row of what is known of a stage's targets before they are ranked."""
    how = {"split": split, "protocol": protocol, "seen": seen} | ({"note": note} if note else {})
    return {"stage": stage, "metric": metric, "unit": unit, "value": float(value)} | how


def cost(name: str, samples: Iterable[float], unit: str = "s", note: str = "") -> Row:
    """Make a row of a cost: the median of its samples, and their 20 % and 80 % quantiles."""
    values = pl.Series(list(samples), dtype=pl.Float64)
    return {
        "stage": "train",
        "metric": name,
        "unit": unit,
        "value": values.median(),
        "low": values.quantile(0.2, "linear"),
        "high": values.quantile(0.8, "linear"),
        "samples": values.to_list(),
        "note": note,
    }


def fact(name: str, value: float, unit: str = "1", note: str = "") -> Row:
    """Make a row of a number that is counted, not sampled."""
    return {"stage": "train", "metric": name, "unit": unit, "value": float(value), "note": note}


def peak(value: float, note: str, name: str = "peak_bytes") -> Row:
    """Make the row of a peak of memory; one of 0 was not measured, and says so."""
    if value > 0:
        return fact(name, value, "B", note)
    return failure("skipped", f"nothing rose above what stood before: no peak could be read; {note}", name, "B")


def failure(status: str, note: str, metric: str = "run", unit: str = "1") -> Row:
    """Make the row that stands in for a number, or for a run that gave none at all."""
    return {"stage": "train", "metric": metric, "unit": unit, "status": status, "note": note}
