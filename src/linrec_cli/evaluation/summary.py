"""Metrics of many ranks: the mean over each user's targets, then over users."""

from collections.abc import Iterable, Mapping

import polars as pl

from linrec_cli import catalog

RANK = pl.col("rank")


def by_user(ranks: pl.DataFrame, wanted: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Average expressions of `rank` over each user's targets: `user`, and a column for each, users ascending."""
    means = (value.mean().alias(name) for name, value in wanted.items())
    return ranks.group_by("user").agg(*means).sort("user")


def summary(ranks: pl.DataFrame, ks: Iterable[int]) -> pl.DataFrame:
    """Average every metric of the folder at every `k`.

    Args:
        ranks: a target a row: `user`, `rank`.

    Returns:
        a row a metric and `k`: `metric`, `k`, `value`, and `low` and `high`, one standard error of the mean over users
        away; of one user alone there is none.
    """
    names = [(name, k) for k in ks for name in catalog.names("metrics")]
    wanted = {f"{name}@{k}": catalog.load("metrics", name).value(RANK, k) for name, k in names}
    users = by_user(ranks, wanted)
    rows = []
    for name, k in names:
        column = users[f"{name}@{k}"]
        # The mean of booleans and counts is a float; so is that of one user.
        value, deviation = float(column.mean()), column.std()  # type: ignore[arg-type]
        error = None if deviation is None else float(deviation) / len(users) ** 0.5  # type: ignore[arg-type]
        low, high = (None, None) if error is None else (value - error, value + error)
        rows.append({"metric": name, "k": k, "value": value, "low": low, "high": high})
    kinds = {"metric": pl.String, "k": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, schema=kinds)
