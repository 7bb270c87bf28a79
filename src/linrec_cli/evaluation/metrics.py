"""Recall, NDCG and MRR as Polars expressions of a column `rank`, with one relevant item a user."""

import polars as pl

RANK = pl.col("rank")


def recall(k: int) -> pl.Expr:
    """Tell whether the gold stands among the first `k`, 0 or 1 a user."""
    return (k >= RANK).cast(pl.Float64)


def ndcg(k: int) -> pl.Expr:
    """Discount the gold's rank: `1 / log2(1 + rank)` within the first `k`, else 0."""
    return pl.when(k >= RANK).then(1 / (1 + RANK).log(2)).otherwise(0.0)


def mrr(k: int) -> pl.Expr:
    """Invert the gold's rank within the first `k`, else 0."""
    return pl.when(k >= RANK).then(1 / RANK).otherwise(0.0)


METRICS = {"recall": recall, "ndcg": ndcg, "mrr": mrr}


def summary(ranks: pl.DataFrame, ks: list[int]) -> pl.DataFrame:
    """Average every metric at every `k` over users.

    Args:
        ranks: a user a row, column `rank`.

    Returns:
        a row a metric and `k`: `metric`, `k`, `value`, and `low` and `high`, one standard error of the mean away.
    """
    rows = []
    for k in ks:
        for name, metric in METRICS.items():
            value, error = ranks.select(
                metric(k).mean().alias("m"), (metric(k).std() / pl.len().sqrt()).alias("e")
            ).row(0)
            rows.append(
                {
                    "metric": name,
                    "k": k,
                    "value": value,
                    "low": value - (error or 0),
                    "high": value + (error or 0),
                }
            )
    return pl.DataFrame(rows)
