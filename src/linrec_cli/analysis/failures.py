"""What failed, and why: a cell that could not be run, and a quality that is no number."""

from collections.abc import Sequence
from typing import Any

import polars as pl

LIVE = ("seconds", "peak_bytes", "run")
"""Metrics whose failure means that the cell itself could not be run."""


def failures(table: pl.DataFrame, names: Sequence[str], score: tuple[str, int]) -> dict[tuple[Any, ...], str]:
    """List the cells that could not be run, and those whose quality is no number, each with why the first was not.

    Args:
        table: the rows.
        names: the columns that a cell is known by.
        score: the metric of quality and its `k`.

    Returns:
        by what stands under `names`, and then by the metric; that is empty where the cell itself failed.
    """
    live = pl.col("metric").is_in(LIVE)
    quality = (pl.col("stage") == "test") & (pl.col("metric") == score[0]) & (pl.col("k") == score[1])
    bad = table.filter(pl.col("status") != "ok", live | quality).with_columns(
        metric=pl.when(live).then(pl.lit("")).otherwise("metric"),
        why=pl.format("{}, {}", "status", pl.col("note").fill_null("no reason given")),
    )
    found = bad.group_by(*names, "metric", maintain_order=True).agg(pl.col("why").first())
    return {row[:-1]: row[-1] for row in found.rows()}


def reasons(why: Sequence[str]) -> str:
    """Say which side's run failed, and why."""
    return "; ".join(f"{side}: {reason}" for side, reason in zip(("BASE", "NEW"), why, strict=True) if reason)
