import math

import polars as pl
import pytest

from linrec_cli.evaluation.metrics import METRICS, summary

# Four users by hand: ranks 1, 2, 3.5 and 11.
RANKS = pl.DataFrame({"rank": [1.0, 2.0, 3.5, 11.0]})
BY_HAND = {
    ("recall", 1): 1 / 4,
    ("recall", 3): 2 / 4,
    ("recall", 10): 3 / 4,
    ("ndcg", 1): 1 / 4,
    ("ndcg", 10): (1 + 1 / math.log2(3) + 1 / math.log2(4.5)) / 4,
    ("mrr", 3): (1 + 1 / 2) / 4,
    ("mrr", 20): (1 + 1 / 2 + 1 / 3.5 + 1 / 11) / 4,
}


@pytest.mark.parametrize(("metric", "k"), BY_HAND)
def test_metrics_equal_fractions_worked_by_hand(metric: str, k: int) -> None:
    assert RANKS.select(METRICS[metric](k).mean()).item() == pytest.approx(BY_HAND[metric, k])


def test_the_summary_has_every_metric_and_its_standard_error() -> None:
    table = summary(RANKS, [1, 10])
    assert table.select("metric", "k").rows() == [(m, k) for k in (1, 10) for m in ("recall", "ndcg", "mrr")]
    hit = table.row(3, named=True)
    assert hit["value"] == 3 / 4
    assert hit["high"] - hit["value"] == pytest.approx(0.5 / math.sqrt(4))
