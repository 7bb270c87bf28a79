"""Metrics of many ranks or lists: the mean over each user's targets, then over users."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from linrec_cli import catalog

if TYPE_CHECKING:
    from torch import Tensor

    from linrec_cli.metrics._trained import Trained

RANK = pl.col("rank")
ROUNDING = 1e-6
KINDS = {"metric": pl.String, "k": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def usual() -> list[str]:
    """List the metrics that stand in every table: those that need not be asked for."""
    return [name for name in catalog.names("metrics") if not getattr(catalog.load("metrics", name), "ASKED", False)]


def of_lists(metric: str) -> bool:
    """Tell whether a metric is of recommended lists, and not of ranks."""
    return hasattr(catalog.load("metrics", metric), "over")


def score(metric: str, k: int) -> pl.Expr:
    """Sum the ranks of a user's targets up as a metric of ranks does: the mean of its values, unless it says other.

    Raises:
        FaultError: its file raises something.
    """
    module = catalog.load("metrics", metric)
    with catalog.blamed("metrics", metric, "cannot be computed"):
        summed: pl.Expr = getattr(module, "of_user", pl.Expr.mean)(module.value(RANK, k))
    return summed


def by_user(ranks: pl.DataFrame, wanted: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Sum each user's targets up: `user`, and a column for each expression, users ascending."""
    return ranks.group_by("user").agg(**wanted).sort("user")


def summary(ranks: pl.DataFrame, ks: Iterable[int], metrics: Sequence[str] | None = None) -> pl.DataFrame:
    """Average metrics of ranks at every `k`.

    Args:
        ranks: a target a row: `user`, `rank`.
        metrics: names; None: those of every table.

    Returns:
        a row a metric and `k`: `metric`, `k`, `value`, and `low` and `high`, one standard error of the mean over users
        away; of one user alone there is none.

    Raises:
        FaultError: a metric gives no number for a target or a user, or one that is not within its range.
    """
    names = [(name, k) for k in ks for name in (usual() if metrics is None else metrics)]
    for name, k in names:
        with catalog.blamed("metrics", name, "cannot be computed"):
            within(name, ranks.select(value=catalog.load("metrics", name).value(RANK, k))["value"])
    users = by_user(ranks, {f"{name}@{k}": score(name, k) for name, k in names})
    for name, k in names:
        within(name, users[f"{name}@{k}"])
    rows = [{"metric": name, "k": k} | spread(users[f"{name}@{k}"]) for name, k in names]
    return pl.DataFrame(rows, schema=KINDS)


def listed(
    lists: "Tensor", users: "Tensor", trained: "Trained", ks: Iterable[int], metrics: Sequence[str]
) -> pl.DataFrame:
    """Average metrics of lists at every `k`; one of all lists together has no standard error.

    Args:
        lists: `[N, K]` the first items for each target, of which the first `k` are taken.
        users: `[N]` whose they are.
    """
    rows = []
    for name, k in ((name, k) for k in ks for name in metrics):
        with catalog.blamed("metrics", name, "cannot be computed"):
            found: Tensor = catalog.load("metrics", name).over(lists[:, :k], trained)
            there = (lists[:, :k] > 0).any(1)
            # A list that nothing is left for has no value.
            within(name, pl.Series(found[there if found.dim() else there.any()].flatten().cpu().numpy()))
        if found.dim():
            frame = pl.DataFrame({"user": users.cpu().numpy(), "value": found.cpu().numpy()}).fill_nan(None)
            told = spread(by_user(frame, {"value": pl.col("value").mean()})["value"].drop_nulls())
        else:
            told = {"value": float(found), "low": None, "high": None}
        rows.append({"metric": name, "k": k} | told)
    return pl.DataFrame(rows, schema=KINDS)


def within(metric: str, values: pl.Series) -> None:
    """Check that a metric's values are numbers within its range, to rounding.

    Raises:
        FaultError: one is not.
    """
    low, high = sorted(catalog.load("metrics", metric).RANGE)
    with catalog.blamed("metrics", metric, "gives no numbers"):
        values = values.cast(pl.Float64)
    wrong = values.filter(~values.is_between(low - ROUNDING, high + ROUNDING).fill_null(False))
    if len(wrong):
        said = "nothing" if wrong[0] is None else f"{wrong[0]:g}"
        raise catalog.fault("metrics", metric, f"gives {said}, and its RANGE is {low:g} to {high:g}")


def spread(users: pl.Series) -> dict[str, Any]:
    """Average over users, with one standard error to either side; no value where there is no user."""
    mean: Any = users.mean()
    deviation: Any = users.std()
    value = float("nan") if mean is None else float(mean)
    error = None if deviation is None else float(deviation) / len(users) ** 0.5
    low, high = (None, None) if error is None else (value - error, value + error)
    return {"value": value, "low": low, "high": high}
