"""Parquet files: the same columns, ids and times."""

import datetime

import polars as pl
import pytest

from linrec_cli.data.file.read import read
from linrec_cli.errors import DataError


def test_parquet_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"uid": [1, 2], "asin": ["b", "a"], "ts": [1, 2], "x": [0, 0]}).write_parquet(path)
    assert read(path)[0].collect().rows() == [(1, "b", 1), (2, "a", 2)]
    assert read(path, item="x")[0].collect().rows() == [(1, 0, 1), (2, 0, 2)]


def test_ids_that_are_numbers_in_one_part_and_texts_in_another_are_texts(tmp_path):
    for name, uid in (("a", 1), ("b", "x")):
        pl.DataFrame({"uid": [uid], "iid": [7], "ts": [5]}).write_parquet(tmp_path / f"{name}.parquet")
    assert read(tmp_path)[0].collect().rows() == [("1", 7, 5), ("x", 7, 5)]


def test_parquet_may_hold_dates_and_whole_floats(tmp_path):
    path = tmp_path / "a.parquet"
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    pl.DataFrame({"uid": [1.0, 2.0], "iid": [1, 2], "ts": [day, day]}).write_parquet(path)
    assert read(path)[0].collect().rows() == [(1, 1, 1577836800), (2, 2, 1577836800)]
    pl.DataFrame({"uid": [1.5], "iid": [1]}).write_parquet(path)
    with pytest.raises(DataError, match="Float64"):
        read(path)


def test_parquet_with_gaps_is_refused_by_row(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"uid": [1, None, 3], "iid": ["a", "b", " "], "ts": [1, 2, 3]}).write_parquet(path)
    with pytest.raises(DataError, match=r"2 of 3 rows are malformed \(row 2: no user; row 3: no item\)"):
        read(path)
    assert read(path, skip_bad=True)[0].collect().rows() == [(1, "a", 1)]


def test_floats_that_hold_no_nanosecond_are_no_times(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "time": [1.6e18, 1.6e18 + 1024]}).write_parquet(path)
    with pytest.raises(DataError, match=r"no time|not one of the times"):
        read(path)
    pl.DataFrame({"user": [1, 1], "item": [1, 2], "time": [2.0**53 - 1, 2.0**53]}).write_parquet(path)
    assert [row[2] for row in read(path)[0].collect().rows()] == [2**53 - 1, 2**53]


@pytest.mark.parametrize("users", [[2, 1], [2.0, 1.0], ["2", "1"], [b"2", b"1"]], ids=["i", "f", "str", "bytes"])
def test_histories_as_texts_are_laid_out_whatever_the_users_are(tmp_path, users):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": users, "items": ["7 8", "9"]}).write_parquet(path)
    assert read(path)[0].collect().rows() == [(2, 7), (2, 8), (1, 9)]
