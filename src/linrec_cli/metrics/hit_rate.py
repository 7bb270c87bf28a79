"""Hit rate: the share of users with at least one gold among the first k of its list."""

import polars as pl

from linrec_cli.metrics import recall

TITLE = "HitRate"
RANGE = (0.0, 1.0)
ASKED = True


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Tell whether the gold stands among the first `k`, 0 or 1 a target.

    Where each user has one target, as under leave-one-out, the hit rate is the same number as Recall@k.
    """
    return recall.value(rank, k)


def of_user(values: pl.Expr) -> pl.Expr:
    """Take the best of a user's targets: one hit is enough."""
    return values.max()
