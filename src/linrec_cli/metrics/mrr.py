"""Reciprocal rank, its mean being the mean reciprocal rank."""

import polars as pl

TITLE = "MRR"
RANGE = (0.0, 1.0)


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Invert the gold's rank within the first `k`, else 0."""
    return pl.when(rank <= k).then(1 / rank).otherwise(0.0)
