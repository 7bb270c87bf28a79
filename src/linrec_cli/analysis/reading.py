"""The one way to read a results table: its columns and what follows from them, its parts, what is latest, means."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any, overload

import polars as pl

from linrec_cli.analysis import phases
from linrec_cli.analysis.labels import MECHANISM
from linrec_cli.results import schema

Row = dict[str, Any]
Rows = pl.DataFrame | Sequence[Mapping[str, Any]]
"""A table of the schema, or rows in which what is not known may be missing."""

NEEDED = ("train", "rss", "allocated")
"""The counters of `peak_bytes` that say what an algorithm needs; the others are in the rows alone."""


def read(rows: Rows) -> pl.DataFrame:
    """Bring rows to the schema, and add what follows from their columns.

    Returns:
        the table, with the columns `mechanism`, how it is called; `way`, which of several ways to do the same, where
        its phase has them; `counter`, what counted its memory.
    """
    table = rows if isinstance(rows, pl.DataFrame) else schema.table({}, rows)
    lacking = {name: pl.lit(None, kind) for name, kind in schema.COLUMNS.items() if name not in table.columns}
    # Of a crossover the stage is the baseline; of what has ways, `way` or `way.counter`.
    several = pl.col("phase").is_in(phases.with_ways()).fill_null(False) & (pl.col("metric") != "crossover")
    parts = pl.col("stage").str.splitn(".", 2).struct
    return table.with_columns(**lacking).with_columns(
        mechanism=MECHANISM,
        way=pl.when(several).then(parts[0]),
        counter=pl.when(several).then(parts[1]).otherwise("stage"),
        status=pl.col("status").cast(pl.String),
    )


def parts(table: pl.DataFrame, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Split a table by what stands under some names; parts come in the order of their first rows."""
    yield from table.partition_by(names, maintain_order=True)


def whole(table: pl.DataFrame) -> pl.DataFrame:
    """Leave out the phases that are parts of another, where the same run has that other."""
    for part, other in phases.wholes().items():
        there = (pl.col("phase") == other).any().over("run")
        table = table.filter(~((pl.col("phase") == part) & there).fill_null(False))
    return table


def like(table: pl.DataFrame, row: Mapping[str, Any], names: Sequence[str]) -> pl.DataFrame:
    """Take the rows that have the same as `row` under some names."""
    return table.filter(*(pl.col(name).eq_missing(pl.lit(row[name])) for name in names))


def latest(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Keep the last made of the rows that have the same under some names, the oldest first."""
    return table.sort("created", maintain_order=True).unique(names, keep="last", maintain_order=True)


def distinct(table: pl.DataFrame, name: str) -> list[Any]:
    """List what stands in a column, each once, in the order of the rows."""
    return table[name].drop_nulls().unique(maintain_order=True).to_list()


@overload
def over_seeds(quality: pl.Expr) -> pl.Expr: ...
@overload
def over_seeds(quality: Sequence[float]) -> float: ...
def over_seeds(quality: Any) -> Any:
    """Sum the quality of several seeds up: the mean."""
    return quality.mean() if isinstance(quality, pl.Expr) else fmean(quality)


@overload
def over_runs(cost: pl.Expr) -> pl.Expr: ...
@overload
def over_runs(cost: Sequence[float]) -> float: ...
def over_runs(cost: Any) -> Any:
    """Sum the cost of several runs, or of samples of one, up: the median, as others on a machine only ever add."""
    return cost.median() if isinstance(cost, pl.Expr) else median(cost)
