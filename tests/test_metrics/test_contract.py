"""Metrics against fractions worked by hand, and what every one promises."""

import math

import polars as pl
import pytest

from linrec_cli import catalog

# Ranks 1, 2, 3.5 and 11.
RANKS = pl.DataFrame({"rank": [1.0, 2.0, 3.5, 11.0]})
BY_HAND = {
    ("recall", 1): [1, 0, 0, 0],
    ("recall", 3): [1, 1, 0, 0],
    ("recall", 10): [1, 1, 1, 0],
    ("recall", 11): [1, 1, 1, 1],
    ("ndcg", 1): [1, 0, 0, 0],
    ("ndcg", 2): [1, 1 / math.log2(3), 0, 0],
    ("ndcg", 10): [1, 1 / math.log2(3), 1 / math.log2(4.5), 0],
    ("mrr", 2): [1, 1 / 2, 0, 0],
    ("mrr", 3): [1, 1 / 2, 0, 0],
    ("mrr", 20): [1, 1 / 2, 1 / 3.5, 1 / 11],
}
NAMES = catalog.names("metrics")


@pytest.mark.parametrize(("metric", "k"), BY_HAND)
def test_metrics_equal_fractions_worked_by_hand(metric: str, k: int) -> None:
    value = catalog.load("metrics", metric).value(pl.col("rank"), k)
    assert RANKS.select(value=value)["value"].to_list() == pytest.approx(BY_HAND[metric, k])


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_stays_in_its_range_and_a_better_rank_is_never_worth_less(name: str) -> None:
    module = catalog.load("metrics", name)
    ranks = pl.DataFrame({"rank": [x / 2 for x in range(2, 60)]})
    values = ranks.select(value=module.value(pl.col("rank"), 10))["value"]
    worst, best = module.RANGE
    assert min(worst, best) <= values.min()
    assert values.max() <= max(worst, best)
    assert values[0] == best
    falling = values.diff().drop_nulls() * (1 if best > worst else -1)
    assert (falling <= 0).all()
    assert module.TITLE
