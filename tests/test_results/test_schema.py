"""The one long table: a row a number, and nothing passes that has no column."""

import pytest

from linrec_cli.results import schema


def test_what_is_shared_stands_in_every_row_and_a_rows_own_value_wins():
    table = schema.table({"attention": "linear", "note": "shared"}, [{"value": 1}, {"value": 2, "note": "own"}])
    assert table.schema == schema.COLUMNS
    assert table.select("attention", "value", "note", "status").rows() == [
        ("linear", 1.0, "shared", "ok"),
        ("linear", 2.0, "own", "ok"),
    ]


def test_every_row_says_in_which_way_numbers_were_made():
    assert schema.table({}, [{"value": 1}])["benchmark"].to_list() == [schema.BENCHMARK]
    # Raised when peaks came to be made in another way.
    assert schema.BENCHMARK >= 2


@pytest.mark.parametrize("place", ["shared", "row"])
def test_a_number_under_an_unknown_label_is_refused(place):
    shared, row = ({"flavour": 1}, {}) if place == "shared" else ({}, {"flavour": 1})
    with pytest.raises(KeyError, match="flavour"):
        schema.table(shared, [{"value": 1} | row])


def test_a_status_that_is_none_is_refused():
    with pytest.raises(KeyError, match="splendid"):
        schema.table({}, [{"status": "splendid"}])
