"""Metrics against fractions worked by hand, and what every one promises."""

import math

import polars as pl
import pytest

from linrec_cli import catalog
from linrec_cli.evaluation.summary import of_lists

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
    ("hit-rate", 3): [1, 1, 0, 0],
    ("precision", 1): [1, 0, 0, 0],
    ("precision", 10): [1 / 10, 1 / 10, 1 / 10, 0],
    ("map", 3): [1, 1 / 2, 0, 0],
    ("map", 20): [1, 1 / 2, 1 / 3.5, 1 / 11],
}
NAMES = [name for name in catalog.names("metrics") if not of_lists(name)]


@pytest.mark.parametrize(("metric", "k"), BY_HAND)
def test_metrics_equal_fractions_worked_by_hand(metric: str, k: int) -> None:
    value = catalog.load("metrics", metric).value(pl.col("rank"), k)
    assert RANKS.select(value=value)["value"].to_list() == pytest.approx(BY_HAND[metric, k])


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_stays_in_its_range_and_a_better_rank_is_never_worth_less(name: str) -> None:
    module = catalog.load("metrics", name)
    ranks = pl.DataFrame({"rank": [x / 2 for x in range(2, 60)]})
    worst, best = module.RANGE
    for k in (1, 10):
        values = ranks.select(value=module.value(pl.col("rank"), k))["value"]
        assert min(worst, best) <= values.min()
        assert values.max() <= max(worst, best)
        falling = values.diff().drop_nulls() * (1 if best > worst else -1)
        assert (falling <= 0).all()
        # Of k items that one is relevant of no more is to be had.
        assert values[0] == (1 / k if name == "precision" else best)
    assert module.TITLE
