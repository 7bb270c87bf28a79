"""Curves of a training, worked by hand."""

import pytest

from linrec_cli.analysis.history import curves
from linrec_cli.analysis.numbers import short
from linrec_cli.names import several


def test_the_best_quality_is_the_highest_and_the_best_loss_the_lowest_the_first_of_equals():
    history = [{"ndcg": value, "loss": loss} for value, loss in ((0.1, 3.0), (0.3, 2.0), (0.3, 2.5))]
    assert list(curves(history)) == [
        ("Validation NDCG@10 by epoch, best 0.3000 at 2", [0.1, 0.3, 0.3]),
        ("Training loss by epoch, best 2.0000 at 2", [3.0, 2.0, 2.5]),
    ]


def test_an_epoch_that_diverged_is_not_the_best_and_what_was_not_trained_has_no_loss():
    nan = float("nan")
    history = [{"ndcg": nan, "loss": nan}, {"ndcg": 0.2, "loss": nan}]
    ((title, values),) = curves(history)
    assert title == "Validation NDCG@10 by epoch, best 0.2000 at 2"
    assert len(values) == 2


def test_before_the_first_epoch_there_is_no_curve():
    assert list(curves([])) == []


def test_an_epoch_that_says_nothing_or_something_else_has_no_number():
    history = [{"ndcg": None}, {}, {"ndcg": "0.9", "loss": [1.0]}, {"ndcg": 0.2}]
    ((title, values),) = curves(history)
    assert title == "Validation NDCG@10 by epoch, best 0.2000 at 4"
    assert [value == value for value in values] == [False, False, False, True]


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (40_000.5, "40,000"), (123_456.7, "123,457"), (9_999.9, "10,000"), (1_234.5, "1,234"),
     (0.12345, "0.1235"), (7.0, "7"), (1e13, "10,000,000,000,000"), (float("nan"), "nan"), (float("inf"), "inf"),
     (-40_000.5, "-40,000")],
)  # fmt: skip
def test_a_number_keeps_the_digits_before_its_point_whatever_its_size(value, written):
    assert short(value) == written


def test_one_is_not_several():
    assert [several(count, "head") for count in (1, 2, 0, None)] == ["1 head", "2 heads", "0 heads", "None heads"]
    assert several(12_000, "user") == "12,000 users"
