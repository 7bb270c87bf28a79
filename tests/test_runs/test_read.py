"""A run as its folder tells it: what it was, how far it came, what is missing."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from safetensors.numpy import save_file

from linrec_cli.results import schema, store
from linrec_cli.runs.read import read

PROFILE = {"attn": ["softmax", "linear"], "maxlen": [128, 256], "phase": ["step"], "width": [8], "heads": [2]}
RANKED = {"stage": "test", "metric": "ndcg", "k": 10, "value": 0.25}


def written(folder, rows=(), settings=None, **shared):
    """Write the table and settings of a run."""
    if rows:
        table = schema.table(
            {"run": folder.name, "command": "train", "attention": "linear", "maxlen": 8, "seed": 0} | shared, rows
        )
        store.write_frame(table, folder / store.TABLE)
    if settings is not None:
        store.write_settings(settings, folder / store.SETTINGS)
    return read(folder)


def timed(attention, maxlen, seconds, **more):
    same = {"attention": attention, "maxlen": maxlen, "phase": "step", "width": 8, "heads": 2, "metric": "seconds"}
    return same | {"value": seconds, "unit": "s", "samples": [seconds] * 3} | more


def profiled(folder, lengths, **more):
    rows = [timed(attention, n, n * unit) for n in lengths for attention, unit in (("softmax", 2e-3), ("linear", 1e-3))]
    return written(folder, rows, PROFILE, command="profile", **more)


@pytest.mark.parametrize(
    ("settings", "command"),
    [({"attn": "linear"}, "train"), ({"attn": ["linear"], "phase": ["step"]}, "profile"), ({"of": "x"}, "evaluate")],
)
def test_before_there_is_a_table_the_settings_tell_which_command_made_a_run(tmp_path, settings, command):
    found = written(tmp_path, settings=settings)
    assert (found.command, found.state) == (command, "unfinished")
    assert "the same command again goes on with it" in "".join(found.missing())


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_what_a_report_has_no_number_of_is_missing(tmp_path, command):
    rows = [RANKED | {"k": cut} for cut in (20, 5)]
    told = "not among a report's numbers, which are at 10: it has them at 5, 20"
    assert told in list(written(tmp_path / "a", rows, command=command).missing())
    assert told not in "".join(written(tmp_path / "b", [*rows, RANKED | {"k": 10}], command=command).missing())


def test_a_table_tells_it_and_when(tmp_path):
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 2)]
    found = written(tmp_path, [RANKED | {"created": time} for time in times], command="evaluate")
    assert found.command == "evaluate"
    assert found.created == times[1]
    assert found.name == tmp_path.name


@pytest.mark.parametrize(
    ("rows", "state", "headline"),
    [
        ([RANKED], "finished", "NDCG@10 0.2500, test"),
        ([RANKED | {"metric": "recall"}, RANKED | {"stage": "valid"}, RANKED], "finished", "NDCG@10 0.2500, test"),
        ([RANKED | {"metric": "recall", "k": 5, "value": 0.5}], "finished", "Recall@5 0.5000, test"),
        ([RANKED | {"k": 5}, RANKED | {"k": 1}, RANKED], "finished", "NDCG@10 0.2500, test"),
        (
            [RANKED | {"status": "error"}, RANKED | {"value": 0.5, "stage": "valid"}],
            "finished",
            "NDCG@10 0.5000, valid",
        ),
        ([{"metric": "epochs", "value": 3.0}], "finished", ""),
        ([{"metric": "run", "status": "oom", "note": "full"}], "failed", "oom: full"),
        ([{"metric": "peak_bytes", "status": "skipped", "note": "0"}, RANKED], "finished", "NDCG@10 0.2500, test"),
    ],
)
def test_a_run_is_told_by_its_state_and_one_number(tmp_path, rows, state, headline):
    found = written(tmp_path, rows)
    assert (found.state, found.headline) == (state, headline)
    assert found.line() == {
        "run": tmp_path.name, "command": "train", "created": found.created, "state": state, "headline": headline,
        "folder": str(tmp_path),
    }  # fmt: skip


def test_a_run_that_still_trains_is_told_by_its_best_epoch(tmp_path):
    counters = {"history": [{"ndcg": 0.2}, {"ndcg": 0.3}, {"ndcg": 0.1}]}
    save_file({"x": np.zeros(1)}, tmp_path / "checkpoint.safetensors", {"counters": json.dumps(counters)})
    found = written(tmp_path, settings={"attn": "linear"})
    assert found.headline == "3 epochs, best valid NDCG@10 0.3000"
    assert [epoch["ndcg"] for epoch in found.history] == [0.2, 0.3, 0.1]


def test_an_evaluation_is_told_with_the_run_that_it_is_of(tmp_path):
    found = written(tmp_path, [RANKED], command="evaluate", settings={"protocol": "full", "of": "ring-linear-200-s0"})
    assert found.headline == "NDCG@10 0.2500, test, of ring-linear-200-s0"


def test_one_epoch_is_told_in_the_singular(tmp_path):
    counters = {"history": [{"ndcg": 0.2}]}
    save_file({"x": np.zeros(1)}, tmp_path / "checkpoint.safetensors", {"counters": json.dumps(counters)})
    assert written(tmp_path, settings={"attn": "linear"}).headline == "1 epoch, best valid NDCG@10 0.2000"


def test_what_a_run_has_not_begun_is_no_epoch(tmp_path):
    assert written(tmp_path, settings={"attn": "linear"}).headline == "0 epochs"


def test_a_profile_is_told_by_the_fastest_at_the_longest_length_of_its_last_phase(tmp_path):
    assert profiled(tmp_path, (128, 256)).headline == "fastest step at 256: linear, 256 ms"


def test_a_profile_lacks_the_cells_that_were_asked_for_and_have_no_time(tmp_path):
    assert profiled(tmp_path / "whole", (128, 256)).state == "finished"
    found = profiled(tmp_path / "cut", (128,))
    assert found.state == "unfinished"
    assert list(found.missing()) == ["not measured: softmax at 256, step; linear at 256, step"]


def test_a_profile_of_a_model_that_takes_no_mechanism_lacks_none(tmp_path):
    rows = [timed("", maxlen, 0.1, model="gru4rec") for maxlen in (128, 256)]
    asked = PROFILE | {"model": ["gru4rec"]}
    assert written(tmp_path / "whole", rows, asked, command="profile").state == "finished"
    found = written(tmp_path / "cut", rows[:1], asked, command="profile")
    assert list(found.missing()) == ["not measured: gru4rec at 256, step"]


def test_a_profile_of_several_models_and_formats_lacks_those_without_a_time(tmp_path):
    asked = {"attn": ["linear"], "maxlen": [128], "model": ["sasrec", "lrurec"], "dtype": ["float32", "bfloat16"]}
    rows = [
        timed("linear", 128, 0.1, model="sasrec", dtype="float32"),
        timed("", 128, 1, model="lrurec", dtype="float32"),
    ]
    found = written(tmp_path, rows, PROFILE | asked, command="profile")
    assert found.state == "unfinished"
    assert list(found.missing()) == [
        "not measured: linear at 128, step, model sasrec, dtype bfloat16; "
        "lrurec at 128, step, model lrurec, dtype bfloat16"
    ]


def test_settings_of_another_linrec_leave_nothing_missing(tmp_path):
    asked = PROFILE | {"phase": ["brew"]}
    assert written(tmp_path, [timed("linear", 128, 0.1)], asked, command="profile").state == "finished"


def test_what_gave_no_number_is_missing_and_says_why(tmp_path):
    rows = [timed("linear", 128, None, status="oom", note="full"), timed("softmax", 128, 1.0)]
    found = written(tmp_path, rows, PROFILE | {"maxlen": [128]}, command="profile")
    assert list(found.missing()) == ["linear at 128, step, seconds: oom: full"]


def test_a_slope_that_is_missing_is_told_among_the_slopes_alone(tmp_path):
    rows = [
        timed("linear", None, None, metric="time_slope", status="skipped", note="2 lengths"),
        RANKED | {"phase": "step", "maxlen": 64},
    ]
    assert not [line for line in written(tmp_path, rows, {"seed": 0}, command="profile").missing() if "slope" in line]


def test_a_profile_that_was_interrupted_tells_how_it_scales_all_the_same(tmp_path):
    found = profiled(tmp_path, (128, 256, 512))
    slopes = [row for row in found.told if row["metric"] == "time_slope"]
    assert [row["value"] for row in slopes] == [pytest.approx(1.0)] * 2
    table = schema.table({}, found.told)
    store.write_frame(table, tmp_path / store.TABLE)
    assert len(read(tmp_path).told) == len(found.told)


def test_a_finished_training_lacks_the_files_that_are_gone(tmp_path):
    lacks = list(written(tmp_path, [RANKED], {"attn": "linear"}).missing())
    assert lacks == [
        "weights.safetensors: the run cannot be evaluated again",
        "history.parquet: there is no training curve",
        "ranks.parquet: there are no ranks by user",
    ]
    assert list(written(tmp_path, [RANKED], command="evaluate").missing()) == lacks[2:]


def test_a_table_alone_says_that_its_settings_are_gone(tmp_path):
    assert next(iter(written(tmp_path, [RANKED]).missing())).startswith("settings.toml: the command")


@pytest.mark.parametrize("name", [store.TABLE, store.SETTINGS, "history.parquet", "checkpoint.safetensors"])
def test_what_is_damaged_is_told_and_not_raised(tmp_path, name):
    written(tmp_path, [RANKED] if name != "checkpoint.safetensors" else (), {"attn": "linear"})
    (tmp_path / name).write_bytes(b"\xff\xfe")
    found = read(tmp_path)
    assert found.state == "damaged"
    assert found.headline == found.damage == next(iter(found.missing()))
    assert name in found.damage or "the epochs in" in found.damage
