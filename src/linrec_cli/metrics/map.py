"""Mean average precision: the precision at each relevant item's place, of which a target has one."""

import polars as pl

from linrec_cli.metrics import mrr

TITLE = "MAP"
RANGE = (0.0, 1.0)
ASKED = True


def value(rank: pl.Expr, k: int) -> pl.Expr:
    """Take the precision at the gold's place, `1 / rank` within the first `k`, else 0.

    A target is a query with one relevant item, so that this is always the same number as MRR@k. It is not the average
    precision of one list against all of a user's later items, which no target of linrec is ranked by.
    """
    return mrr.value(rank, k)
