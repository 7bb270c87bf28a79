"""Where numbers come from: machines, versions and days, and the numbers themselves, as they stand in the rows."""

from datetime import UTC, datetime

from linrec_cli.analysis import numbers
from linrec_cli.analysis.origin import origins, said

MADE = {"command": "train", "device": "cpu x", "dtype": "float32", "threads": 2, "torch": "2.9", "linrec": "1",
        "commit": "abc", "benchmark": 2}  # fmt: skip
DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 5, 3)]


def test_all_runs_that_agree_share_a_line_from_their_first_day_to_their_last():
    rows = [MADE | {"run": f"r{n % 2}", "created": day} for n, day in enumerate(DAYS)]
    columns, lines = origins([*rows, MADE | {"run": "r2", "commit": "def", "created": DAYS[0]}])
    assert [dict(zip(columns, line, strict=True)) for line in lines] == [
        {"command": "train", "created": "2026-01-01 to 2026-01-05", "device": "cpu x", "dtype": "float32",
         "threads": "2", "torch": "2.9", "linrec": "1", "commit": "abc", "benchmark": "2", "data_digest": "–",
         "runs": "2"},
        {"command": "train", "created": "2026-01-01 to 2026-01-01", "device": "cpu x", "dtype": "float32",
         "threads": "2", "torch": "2.9", "linrec": "1", "commit": "def", "benchmark": "2", "data_digest": "–",
         "runs": "1"},
    ]  # fmt: skip


def test_a_run_says_each_column_with_its_values_and_none_that_is_empty():
    rows = [MADE | {"kernel": kernel} for kernel in ("sdpa", "", "eager", "sdpa")]
    assert list(said(rows)) == [
        "commit abc", "linrec 1", "torch 2.9", "benchmark 2", "device cpu x", "kernel sdpa and eager",
        "dtype float32", "threads 2",
    ]  # fmt: skip


def test_numbers_stand_in_their_order_those_of_ranking_last_and_no_failure_among_them():
    rows = [
        {"metric": "ndcg", "k": 10, "stage": "test", "value": 0.123456, "low": 0.1, "high": 0.15, "unit": "1"},
        {"metric": "epochs", "value": 12000.0, "unit": "1"},
        {"metric": "run", "status": "oom"},
    ]
    assert numbers.lines(rows) == [
        ("", "epochs", "12,000", "–", "–", "1"),
        ("test", "NDCG@10", "0.1235", "0.1", "0.15", "1"),
    ]
