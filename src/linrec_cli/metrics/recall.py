"""Recall: whether the gold stands among the first k."""

import polars as pl

TITLE = "Recall"
RANGE = (0.0, 1.0)


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Tell whether the gold stands among the first `k`, 0 or 1 a target."""
    return (rank <= k).cast(pl.Float64)
