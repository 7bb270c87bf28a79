"""The rows of a training run and of an evaluation."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from linrec_cli.settings import Train, digest, options

Row = dict[str, Any]


def shared(settings: Train, command: str, run: str, created: Any, environment: Mapping[str, str]) -> Row:
    """Say how the numbers of a run were made: what stands in each of its rows.

    `setup` is the digest of all settings but mechanism, length and seed: runs that share it differ in these alone.
    """
    attention, given = options(settings.attn)
    names = (
        "data_digest",
        "model",
        "width",
        "heads",
        "layers",
        "maxlen",
        "tokens",
        "seed",
        "dtype",
        "threads",
    )
    columns = {name: getattr(settings, name) for name in names}
    setup = digest(replace(settings, attn="", maxlen=1, seed=0))
    own = {"run": run, "setup": setup, "created": created, "command": command, "dataset": settings.data}
    return columns | own | {"attention": attention, "options": given} | dict(environment)


def quality(stage: str, summary: pl.DataFrame, protocol: str = "full", seen: str = "remove") -> list[Row]:
    """Make a row of each metric; `low` and `high` are one standard error over users away."""
    how = {
        "stage": stage,
        "unit": "1",
        "split": "leave-one-out",
        "protocol": protocol,
        "seen": seen,
        "ties": "mean",
    }
    return [dict(row) | how for row in summary.to_dicts()]


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


def failure(status: str, note: str) -> Row:
    """Make the row that stands in for a run that gave no number."""
    return {"stage": "train", "metric": "run", "unit": "1", "status": status, "note": note}
