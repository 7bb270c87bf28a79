"""Rows say how their numbers were made, and what they are of."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from linrec_cli.results import rows, schema
from linrec_cli.settings import Train, resolved

SETTINGS = resolved(Train(attn="local:window=8", data="ring", data_digest="d1", threads=3, split="ratio:train=0.7"))
MADE = datetime(2026, 1, 2, tzinfo=UTC)
ENVIRONMENT = {"device": "cpu x", "torch": "2", "linrec": "0", "commit": "abc", "kernel": "eager", "threads": 1}


def shared(settings):
    return rows.shared(settings, "train", "a-run", MADE, ENVIRONMENT)


def test_a_row_says_how_its_number_was_made():
    found = shared(SETTINGS)
    assert {name: found[name] for name in found if name not in ("setup", *ENVIRONMENT)} == {
        "run": "a-run", "command": "train", "created": MADE, "dataset": "ring", "data_digest": "d1",
        "model": "sasrec", "objective": "next", "loss": "cross-entropy", "attention": "local", "options": "window=8",
        "width": 64, "heads": 2, "layers": 2, "maxlen": 200, "tokens": 1600, "seed": 0, "dtype": "float32", "order": "",
        "time_aware": False,
    }  # fmt: skip
    assert found.keys() <= schema.COLUMNS.keys()


def test_what_is_told_when_its_target_was_is_time_aware():
    for model, aware in (("hstu:time=true", False), ("hstu:time=true:time_aware=true", True)):
        assert shared(replace(SETTINGS, model=model))["time_aware"] == aware


def test_what_the_machine_really_used_stands_in_the_row_and_not_what_was_asked_for():
    assert {name: shared(SETTINGS)[name] for name in ENVIRONMENT} == ENVIRONMENT


@pytest.mark.parametrize("change", [{"attn": "linear"}, {"maxlen": 7}, {"seed": 9}, {"data": "circle"}])
def test_runs_that_differ_in_mechanism_length_and_seed_share_their_setup(change):
    assert shared(replace(SETTINGS, **change))["setup"] == shared(SETTINGS)["setup"]


@pytest.mark.parametrize(
    "change",
    [{"width": 8}, {"lr": 0.1}, {"loss": "bce"}, {"objective": "last"}, {"split": "ratio"}, {"model": "sasrec:x=1"},
     {"data_digest": "d2"}, {"epochs": 3}, {"threads": 2}, {"dropout": 0.0}],
)  # fmt: skip
def test_runs_that_differ_in_anything_else_do_not(change):
    assert shared(replace(SETTINGS, **change))["setup"] != shared(SETTINGS)["setup"]


def test_a_quality_says_its_split_protocol_seen_rule_and_tie_rule():
    summary = pl.DataFrame({"metric": ["ndcg"], "k": [10], "value": [0.5], "low": [0.4], "high": [0.6]})
    (row,) = rows.quality("valid", summary, split="ratio", protocol="uni100", seen="rank")
    assert row == {"metric": "ndcg", "k": 10, "value": 0.5, "low": 0.4, "high": 0.6, "stage": "valid", "unit": "1",
                   "split": "ratio", "protocol": "uni100", "seen": "rank", "ties": "mean"}  # fmt: skip
    assert schema.table({}, [row]).select(*row).to_dicts() == [row]
    (usual,) = rows.quality("test", summary)
    assert (usual["split"], usual["protocol"], usual["seen"]) == ("leave-one-out", "full", "remove")


def test_a_cost_is_the_median_of_its_samples_and_their_20_and_80_percent_quantiles():
    row = rows.cost("seconds", iter([4.0, 1.0, 2.0, 9.0, 3.0]), note="why")
    # Sorted 1 2 3 4 9: the middle is 3; .2 and .8 of the way from first to last fall at .8 and 3.2 steps.
    assert (row["value"], row["low"], row["high"]) == (3.0, pytest.approx(1.8), pytest.approx(5.0))
    assert row["samples"] == [4.0, 1.0, 2.0, 9.0, 3.0]
    assert schema.table({}, [row]).select(*row).to_dicts() == [row]
    assert (row["stage"], row["metric"], row["unit"], row["note"]) == ("train", "seconds", "s", "why")


def test_a_peak_of_zero_was_not_measured_and_is_no_number():
    assert rows.peak(4096, "resident") == rows.fact("peak_bytes", 4096, "B", "resident")
    row = rows.peak(0, "resident")
    assert (row["metric"], row["unit"], row["status"]) == ("peak_bytes", "B", "skipped")
    assert "value" not in row
    assert "no peak could be read" in row["note"]
    assert row["note"].endswith("resident")


def test_a_run_that_gave_no_number_has_a_row_that_says_why():
    (row,) = schema.table(shared(SETTINGS), [rows.failure("oom", "memory ran out")]).to_dicts()
    assert (row["status"], row["note"], row["value"], row["metric"]) == ("oom", "memory ran out", None, "run")
