"""The one long table: a row a number, and nothing passes that has no column."""

from pathlib import Path

import polars as pl
import pytest

from linrec_cli.results import schema

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


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


def test_a_number_is_brought_to_the_type_of_its_column():
    assert schema.table({}, [{"value": 1, "maxlen": 16.0}]).select("value", "maxlen").row(0) == (1.0, 16)


def test_no_column_of_the_reference_is_lost():
    tables = [pl.read_parquet_schema(path) for path in REFERENCE.glob("**/table.parquet")]
    assert len(tables) > 50
    assert {name for table in tables for name in table} <= schema.COLUMNS.keys()
