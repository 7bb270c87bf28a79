"""A table is read in one way: what follows from its columns, its parts, what is latest, and means."""

from datetime import UTC, datetime
from statistics import fmean, median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrec_cli.analysis.reading import distinct, latest, like, over_runs, over_seeds, parts, read, whole
from linrec_cli.results import schema

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


def test_rows_and_a_table_of_them_are_read_alike_and_so_is_what_was_read_before():
    rows = [{"attention": "linear", "value": 1.0}, {"attention": "linear", "options": "a=1", "metric": "seconds"}]
    table = read(rows)
    assert table["mechanism"].to_list() == ["linear", "linear:a=1"]
    assert table.equals(read(schema.table({}, rows)))
    assert table.equals(read(table))


def test_columns_that_an_older_table_lacks_are_empty():
    table = read(schema.table({}, [{"attention": "linear"}]).drop("contended", "threads", "stage"))
    assert table.select("contended", "threads", "way").row(0) == (None, None, None)
    assert {*schema.COLUMNS} < {*table.columns}


@pytest.mark.parametrize(
    ("row", "way", "counter"),
    [
        ({"phase": "serve", "metric": "seconds", "stage": "recurrence"}, "recurrence", None),
        ({"phase": "serve", "metric": "peak_bytes", "stage": "cache.rss"}, "cache", "rss"),
        ({"phase": "serve", "metric": "crossover", "stage": "softmax"}, None, "softmax"),
        ({"phase": "serve", "metric": "seconds", "status": "oom"}, None, None),
        ({"phase": "step", "metric": "peak_bytes", "stage": "rss"}, None, "rss"),
        ({"phase": "step", "metric": "seconds"}, None, None),
        ({"command": "train", "metric": "peak_bytes", "stage": "train"}, None, "train"),
    ],
)
def test_a_stage_is_a_way_a_counter_or_both(row, way, counter):
    assert read([row]).select("way", "counter").row(0) == (way, counter)


def test_parts_come_in_the_order_of_their_first_rows_and_nothing_is_lost():
    table = pl.DataFrame({"a": ["y", None, "x", "y", None], "n": [1, 2, 3, 4, 5]})
    assert [part["n"].to_list() for part in parts(table, ["a"])] == [[1, 4], [2, 5], [3]]
    assert list(parts(table.clear(), ["a"])) == []


def test_the_latest_counts_and_of_the_same_moment_the_last_row():
    table = pl.DataFrame({
        "name": ["a", "a", "b", "b", "a", "c"],
        "created": [DAYS[2], DAYS[0], DAYS[1], DAYS[1], DAYS[1], None],
        "n": [1, 2, 3, 4, 5, 6],
    })  # fmt: skip
    assert sorted(latest(table, ["name"])["n"].to_list()) == [1, 4, 6]


def test_a_part_is_left_out_only_where_its_own_run_has_the_whole():
    rows = [("a", "forward"), ("a", "attention"), ("b", "forward"), ("b", "step"), (None, None), ("a", None)]
    table = read([{"run": run, "phase": phase} for run, phase in rows])
    assert whole(table).select("run", "phase").rows() == rows[1:]


def test_rows_that_are_alike_share_what_is_missing_too():
    table = read([{"model": None, "width": 8}, {"model": "sasrec", "width": 8}, {"model": None, "width": 9}])
    assert len(like(table, {"model": None, "width": 8}, ("model", "width"))) == 1


def test_distinct_values_keep_their_order():
    assert distinct(pl.DataFrame({"a": ["y", None, "x", "y"]}), "a") == ["y", "x"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_quality_is_a_mean_over_seeds_and_a_cost_a_median_over_runs_of_columns_and_of_numbers(values):
    found = pl.DataFrame({"v": values}).select(seeds=over_seeds(pl.col("v")), runs=over_runs(pl.col("v"))).row(0)
    assert found == pytest.approx((fmean(values), median(values)), abs=1e-6)
    assert (over_seeds(values), over_runs(values)) == (fmean(values), median(values))
