"""Normalised discounted cumulative gain: the nearer to the top, the better."""

import polars as pl

TITLE = "NDCG"
RANGE = (0.0, 1.0)


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Discount the gold's rank: `1 / log2(1 + rank)` within the first `k`, else 0."""
    return pl.when(rank <= k).then(1 / (1 + rank).log(2)).otherwise(0.0)
