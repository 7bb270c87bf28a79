import math
from collections.abc import Callable

import polars as pl
import pytest
import torch

from linrec_cli import catalog
from linrec_cli.errors import FaultError
from linrec_cli.evaluation.summary import listed, of_lists, summary, usual
from linrec_cli.metrics._trained import Trained
from linrec_cli.results.rows import EMPTY, quality

ONE_EACH = pl.DataFrame({"user": [4, 1, 3, 2], "rank": [1.0, 2.0, 3.5, 11.0]})


def value(table: pl.DataFrame, metric: str, k: int) -> dict[str, float]:
    return table.row(by_predicate=(pl.col("metric") == metric) & (pl.col("k") == k), named=True)


def test_every_metric_of_the_folder_that_need_not_be_asked_for_stands_at_every_k() -> None:
    table = summary(ONE_EACH, [1, 10])
    assert table.select("k", "metric").rows() == [(k, name) for k in (1, 10) for name in ("mrr", "ndcg", "recall")]
    assert usual() == ["mrr", "ndcg", "recall"]
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


# Three targets of user 1, one of user 2, two of user 3.
SEVERAL = pl.DataFrame({"user": [1, 1, 1, 2, 3, 3], "rank": [1.0, 4.0, 20.0, 30.0, 5.0, 2.0]})


def test_metrics_that_are_asked_for_stand_as_they_were_asked_for() -> None:
    table = summary(SEVERAL, [4, 2], ["map", "precision"])
    assert table.select("metric", "k").rows() == [("map", 4), ("precision", 4), ("map", 2), ("precision", 2)]
    assert not len(summary(SEVERAL, [4], []))


def test_one_hit_is_enough_for_the_hit_rate_and_recall_counts_each_target() -> None:
    table = summary(SEVERAL, [4], ["hit-rate", "recall"])
    # User 1 is hit twice of three times, user 2 never, user 3 once of twice.
    assert value(table, "hit-rate", 4)["value"] == pytest.approx(2 / 3)
    assert value(table, "recall", 4)["value"] == pytest.approx((2 / 3 + 0 + 1 / 2) / 3)


def test_what_is_said_of_equal_metrics_holds() -> None:
    table = summary(SEVERAL, [4], ["map", "mrr", "precision", "recall"])
    assert value(table, "map", 4)["value"] == value(table, "mrr", 4)["value"]
    assert value(table, "precision", 4)["value"] == pytest.approx(value(table, "recall", 4)["value"] / 4)
    alone = summary(ONE_EACH, [3], ["hit-rate", "recall"])
    assert value(alone, "hit-rate", 3)["value"] == value(alone, "recall", 3)["value"] == 2 / 4


TRAINED = Trained(torch.tensor([8, 4, 2, 0]), torch.tensor([4, 4, 1, 0]), 8)
LISTS = torch.tensor([[1, 2], [1, 3], [4, 0], [0, 0]])
USERS = torch.tensor([7, 7, 9, 5])


def test_lists_are_averaged_over_a_users_targets_and_then_over_users() -> None:
    table = listed(LISTS, USERS, TRAINED, [2, 1], ["arp", "coverage"])
    assert table.select("metric", "k").rows() == [("arp", 2), ("coverage", 2), ("arp", 1), ("coverage", 1)]
    # Lists of 6, 5 and 0 events a list; who is left nothing to recommend has no value.
    arp = value(table, "arp", 2)
    assert arp["value"] == pytest.approx((5.5 + 0) / 2)
    # The deviation of 5.5 and 0 is 5.5 / sqrt(2).
    assert (arp["value"] - arp["low"], arp["high"] - arp["value"]) == pytest.approx((5.5 / 2, 5.5 / 2))
    assert value(table, "arp", 1)["value"] == pytest.approx((8 + 0) / 2)


def test_what_is_of_all_lists_together_has_no_standard_error() -> None:
    table = listed(LISTS, USERS, TRAINED, [2, 1], ["coverage"])
    assert [table.row(place)[2:] for place in (0, 1)] == [(1.0, None, None), (0.5, None, None)]


def test_where_nothing_is_left_for_anybody_there_is_no_number() -> None:
    table = listed(LISTS[3:], USERS[3:], TRAINED, [2], ["arp"])
    assert math.isnan(table["value"].item())


def test_a_metric_of_lists_must_be_asked_for() -> None:
    listing = [name for name in catalog.names("metrics") if of_lists(name)]
    assert listing == ["arp", "coverage", "gini", "novelty", "popularity-bias"]
    assert not {*listing} & {*usual()}


Add = Callable[[str, str], None]
METRIC = "TITLE, RANGE = 'Odd', (0.0, 1.0)\n"


@pytest.mark.parametrize(
    "value", ["pl.when(rank < 10).then(1.0)", "rank", "-rank", "rank * float('nan')", "pl.lit('a')"]
)
def test_a_metric_that_gives_no_number_of_its_range_for_a_target_is_refused(add: Add, value: str) -> None:
    add("metrics/odd.py", f"import polars as pl\n{METRIC}def value(rank, k):\n    return {value}\n")
    with pytest.raises(FaultError, match=r"metric 'odd' \(metrics/odd.py\) gives"):
        summary(SEVERAL, [4], ["recall", "odd"])


def test_a_metric_that_gives_no_number_of_its_range_for_a_user_is_refused(add: Add) -> None:
    value = "def value(rank, k):\n    return rank * 0 + 0.5\ndef of_user(values):\n    return values.sum()\n"
    add("metrics/odd.py", METRIC + value)
    with pytest.raises(FaultError, match=r"gives 1\.5, and its RANGE is 0 to 1"):
        summary(SEVERAL, [4], ["odd"])


@pytest.mark.parametrize(
    "value", ["lists.sum(1) * float('nan')", "lists.sum(1)", "lists.sum() * 7", "lists.sum() / 0 * 0"]
)
def test_a_metric_of_lists_that_gives_no_number_of_its_range_is_refused(add: Add, value: str) -> None:
    add("metrics/odd.py", f"{METRIC}ASKED = True\ndef over(lists, trained):\n    return {value}\n")
    with pytest.raises(FaultError, match=r"metric 'odd' \(metrics/odd.py\) gives"):
        listed(LISTS, USERS, TRAINED, [2], ["odd"])


def test_where_nothing_is_left_the_row_says_so() -> None:
    (row,) = quality("test", listed(LISTS[3:], USERS[3:], TRAINED, [2], ["arp"]))
    assert (row["value"], row["status"], row["note"]) == (None, "skipped", EMPTY)
    (row,) = quality("test", listed(LISTS, USERS, TRAINED, [2], ["arp"]), note="said")
    assert (row["value"], row.get("status"), row["note"]) == (pytest.approx(2.75), None, "said")
