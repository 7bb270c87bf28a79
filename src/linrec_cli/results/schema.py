"""The one long table: a row a number, and beside it everything that says how the number was made."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

BENCHMARK = 3
"""Version of how numbers are made; numbers of different versions are not compared.

1: the first. 2: peaks hold nothing that the heap had kept, nor what torch loads with its first step; one of 0 is a
failure to measure. 3: the peak of a training is that of training alone; its validation has its own.
"""

STATUS = ("ok", "oom", "timeout", "error", "skipped")
"""How a measurement ended."""

COLUMNS: dict[str, Any] = {
    "run": pl.String,
    "setup": pl.String,
    "created": pl.Datetime("ms", "UTC"),
    "command": pl.String,
    "dataset": pl.String,
    "data_digest": pl.String,
    "model": pl.String,
    "objective": pl.String,
    "loss": pl.String,
    "attention": pl.String,
    "options": pl.String,
    "form": pl.String,
    "width": pl.Int32,
    "heads": pl.Int32,
    "layers": pl.Int32,
    "maxlen": pl.Int32,
    "tokens": pl.Int64,
    "seed": pl.Int64,
    "stage": pl.String,
    "phase": pl.String,
    "metric": pl.String,
    "unit": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "samples": pl.List(pl.Float64),
    "status": pl.Enum(STATUS),
    "note": pl.String,
    "order": pl.String,
    "split": pl.String,
    "protocol": pl.String,
    "seen": pl.String,
    "ties": pl.String,
    "time_aware": pl.Boolean,
    "k": pl.Int32,
    "device": pl.String,
    "kernel": pl.String,
    "dtype": pl.String,
    "threads": pl.Int32,
    "processes": pl.Int32,
    "process": pl.Int32,
    "contended": pl.Boolean,
    "benchmark": pl.Int32,
    "torch": pl.String,
    "linrec": pl.String,
    "commit": pl.String,
}
NEEDED = ("run", "command", "attention", "metric", "value", "status")
"""Columns without which a table says nothing."""
COMMANDS = ("train", "evaluate", "profile")
WITHOUT = ("crossover",)
"""Metrics that may have no value though they were found: there is none."""
MADE = ("time_slope", "memory_slope", *WITHOUT)
"""Metrics that are made from others, over all lengths; of their bounds either may be missing."""
MACHINE = "machine"
"""Stands in the place of a phase where a row is of the machine alone."""


def lacking(frame: pl.DataFrame) -> str:
    """Name what rows of a whole table lack without which they say nothing; empty where that is nothing."""
    if strange := sorted({*frame["command"].drop_nulls()} - {*COMMANDS}):
        return f"there is no command {strange[0]!r}"
    ok, made, profile = pl.col("status") == "ok", pl.col("metric").is_in(MADE), pl.col("command") == "profile"
    cell = profile & (pl.col("phase") != MACHINE)
    places = [
        (pl.lit(True), ("run", "command", "metric", "status")),
        (ok & ~pl.col("metric").is_in(WITHOUT), ("value",)),
        (profile, ("phase",)),
        (~profile, ("seed",)),
        (~profile | cell, ("mechanism",)),
        (~profile | (cell & ~made), ("maxlen",)),
        (cell & ~made & ok & pl.col("high").is_not_null(), ("low",)),
        (cell & ~made & ok & pl.col("low").is_not_null(), ("high",)),
    ]
    # Of a model that takes no mechanism the name of one is empty.
    named = frame.with_columns(mechanism=pl.coalesce(pl.col("attention").replace("", None), "model"))
    lacks = {name: named.filter(of)[name].null_count() for of, names in places for name in names}
    return ", ".join(f"{count:,} of its rows have no {name}" for name, count in lacks.items() if count)


def table(shared: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Make the table of a run: `shared` stands in every row, a row's own value wins.

    Raises:
        KeyError: a name is no column, or a status none; a number that loses its label must not pass unseen.
    """
    records = [{"status": "ok", "benchmark": BENCHMARK} | dict(shared) | dict(row) for row in rows]
    strange = {name for record in records for name in record} - COLUMNS.keys()
    if strange:
        raise KeyError(f"not in the schema: {', '.join(sorted(strange))}")
    if unknown := {record["status"] for record in records} - {*STATUS}:
        raise KeyError(f"no status: {', '.join(map(str, unknown))}")
    return pl.DataFrame(records, schema=COLUMNS, strict=False)
