"""What made numbers: commands and days, machines, versions and commits."""

from collections.abc import Iterator, Sequence

import polars as pl

from linrec_cli.analysis.reading import Rows, distinct, read

TOGETHER = ("command", "created", "device", "dtype", "threads", "processes", "torch", "linrec", "commit", "benchmark",
            "data_digest")  # fmt: skip
"""Columns of the table of all runs that agree."""
APART = ("commit", "linrec", "torch", "benchmark", "device", "kernel", "dtype", "threads", "processes")
"""Columns that are said of a run."""


def origins(rows: Rows) -> tuple[Sequence[str], list[list[str]]]:
    """Make the columns and lines of what made the numbers of a table: a line for all runs that agree."""
    alike = [name for name in TOGETHER if name != "created"]
    day = pl.col("created").dt.strftime("%Y-%m-%d")
    found = (
        read(rows)
        .with_columns(day=day)
        .group_by(alike, maintain_order=True)
        .agg(created=pl.format("{} to {}", pl.col("day").min(), pl.col("day").max()), runs=pl.col("run").n_unique())
        .drop_nulls("command")
    )
    # Nearly always there was one.
    several = found["processes"].is_not_null().any()
    columns = [*(name for name in TOGETHER if several or name != "processes"), "runs"]
    return columns, [["–" if cell is None else str(cell) for cell in row] for row in found.select(columns).iter_rows()]


def said(rows: Rows) -> Iterator[str]:
    """Write what made the numbers of a run: each column with its values."""
    table = read(rows)
    for name in APART:
        values = [str(value) for value in distinct(table, name) if value != ""]
        if values:
            yield f"{name} {' and '.join(values)}"
