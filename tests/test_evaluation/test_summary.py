import math

import polars as pl
import pytest

from linrec_cli import catalog
from linrec_cli.evaluation.summary import summary

ONE_EACH = pl.DataFrame({"user": [4, 1, 3, 2], "rank": [1.0, 2.0, 3.5, 11.0]})


def value(table: pl.DataFrame, metric: str, k: int) -> dict[str, float]:
    return table.row(by_predicate=(pl.col("metric") == metric) & (pl.col("k") == k), named=True)


def test_every_metric_of_the_folder_stands_at_every_k() -> None:
    table = summary(ONE_EACH, [1, 10])
    assert table.select("k", "metric").rows() == [(k, name) for k in (1, 10) for name in catalog.names("metrics")]
    assert value(table, "ndcg", 10)["value"] == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(4.5)) / 4)


def test_the_spread_is_one_standard_error_over_users() -> None:
    hit = value(summary(ONE_EACH, [10]), "recall", 10)
    # Three of four: the deviation of 1, 1, 1, 0 is 1/2.
    assert hit["value"] == 3 / 4
    assert hit["high"] - hit["value"] == pytest.approx(0.5 / math.sqrt(4))
    assert hit["value"] - hit["low"] == pytest.approx(0.5 / math.sqrt(4))


def test_a_user_counts_once_however_many_targets_there_are() -> None:
    ranks = pl.DataFrame({"user": [1, 1, 1, 2], "rank": [1.0, 20.0, 20.0, 1.0]})
    assert value(summary(ranks, [10]), "recall", 10)["value"] == pytest.approx((1 / 3 + 1) / 2)


def test_of_one_user_no_error_is_known() -> None:
    hit = value(summary(pl.DataFrame({"user": [1], "rank": [1.0]}), [10]), "recall", 10)
    assert (hit["value"], hit["low"], hit["high"]) == (1.0, None, None)
