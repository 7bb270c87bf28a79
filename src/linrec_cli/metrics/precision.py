"""Precision: the share of the first k that is relevant, at most one of them here."""

import polars as pl

from linrec_cli.metrics import recall

TITLE = "Precision"
RANGE = (0.0, 1.0)
ASKED = True


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Divide a hit among the first `k` by `k`.

    A target is a query with one relevant item, so that this is always Recall@k divided by k, and at most `1 / k`.
    """
    return recall.value(rank, k) / k
