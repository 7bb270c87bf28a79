"""What a report says, and in which order, of hand-made runs."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from linrec_cli.plots.drawn import Drawn
from linrec_cli.reporting import content
from linrec_cli.reporting.report import PAGES, about, report, title
from linrec_cli.results import schema, store
from linrec_cli.runs.read import Run

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
SETTINGS = {"attn": ["softmax", "linear"], "maxlen": [64, 128, 256], "phase": ["attention"], "tokens": 512, "batch": 0,
            "width": [8], "heads": [2], "threads": 1, "device": "cpu"}  # fmt: skip
HOW = {"command": "profile", "phase": "attention", "width": 8, "heads": 2, "dtype": "float32", "tokens": 512,
       "device": "cpu x", "threads": 1, "metric": "seconds"}  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(name, settings, rows):
    Path(name).mkdir(exist_ok=True)
    return Run(Path(name), settings, schema.table({}, rows).to_dicts())


def profile(name, day, slope=1.0, **settings):
    """Make a profile in which softmax takes its length's share and linear the time of 128."""
    made = [
        HOW | {"run": name, "created": DAYS[day], "attention": attention, "maxlen": maxlen, "value": value}
        for maxlen in (64, 128, 256)
        for attention, value in (("softmax", slope * maxlen / 64), ("linear", 2 * slope))
    ]
    return run(name, SETTINGS | settings, made)


def trained(name, attention, value):
    row = {"command": "train", "dataset": "d", "attention": attention, "maxlen": 50, "seed": 0, "stage": "test",
           "metric": "ndcg", "k": 10, "value": value, "run": name, "created": DAYS[0], "protocol": "full"}  # fmt: skip
    return run(name, {"attn": attention}, [row])


def drawn(stem, command, **keys):
    return Drawn(stem, Figure(), pl.DataFrame(), command, keys)


def parts(*runs, figures=()):
    table = pl.concat(schema.table({}, run.rows) for run in runs)
    return {part.title: part for part in content.parts(runs, table, figures)}


def test_a_report_goes_from_what_is_short_to_how_to_make_it_again():
    runs = [trained("t", "linear", 0.2), trained("u", "softmax", 0.1), profile("p", 0)]
    figures = [drawn("train-x", "train"), drawn("a-train-b", "profile")]
    found = parts(*runs, figures=figures)
    assert [*found] == [
        "In short", "Quality", "Profile of attention: 512 tokens, cpu x, threads 1", "Other figures of time and memory",
        "What is missing", "Where the numbers come from", "To make them again",
    ]  # fmt: skip
    assert found["Quality"].figures == figures[:1]
    assert found["Other figures of time and memory"].figures == figures[1:]
    # linear takes 2 s, as softmax does at 128, and at 256 half as long.
    assert found["In short"].sentences == [
        "d, maxlen 50, NDCG@10: linear 0.2000 (1 seed), softmax 0.1000 (1 seed).",
        "attention: linear overtakes softmax between 128 and 256 (at 128); at 256 it is 2.0x faster "
        "(512 tokens, cpu x, threads 1)",
    ]


@pytest.mark.parametrize(
    ("attention", "maxlen", "more", "said"),
    [
        ("linear", 128, {"contended": True}, "; some of these times were taken while others used the cores or the GPU"),
        ("softmax", 64, {"low": 0.8, "high": 1.4}, "; times scatter by up to ±30 %"),
        ("softmax", 64, {"low": 0.95, "high": 1.05, "contended": False}, ""),
        ("mean", 64, {"low": 0.1, "high": 9.0, "contended": True}, ""),
    ],
)
def test_in_short_warns_of_times_that_were_disturbed_or_scatter(attention, maxlen, more, said):
    one = profile("p", 0)
    others = [row | {"attention": "mean"} for row in one.rows if row["attention"] == "linear"]
    cell = (attention, maxlen)
    touched = [row | more if (row["attention"], row["maxlen"]) == cell else row for row in one.rows + others]
    first = parts(replace(one, rows=touched))["In short"].sentences[0]
    assert first.endswith(f"at 256 it is 2.0x faster{said} (512 tokens, cpu x, threads 1)")


def test_of_profiles_of_the_same_settings_the_last_is_shown_and_the_others_counted():
    runs = [profile("a", 2, slope=3.0), profile("b", 0), profile("c", 1, tokens=1024), profile("d", 1)]
    found = parts(*runs)
    assert [title for title in found if title.startswith("Profile")] == [
        "Profile of attention: 512 tokens, cpu x, threads 1",
        "Profile of attention: 1,024 tokens, cpu x, threads 1",
    ]
    last = found["Profile of attention: 512 tokens, cpu x, threads 1"]
    assert last.sentences[0] == "The last of 3 runs; all are in the table."
    assert last.tables[0].lines[0][:3] == ["64", "softmax", "3,000"]
    assert "The last" not in found["Profile of attention: 1,024 tokens, cpu x, threads 1"].sentences[0]
    (two,) = (part for title, part in parts(profile("a", 0), profile("b", 1)).items() if title.startswith("Profile"))
    assert two.sentences[0] == "The last of 2 runs; all are in the table."


def test_the_parts_of_a_layer_have_no_table_beside_the_whole():
    one = profile("p", 0)
    halves = [row | {"phase": phase} for row in one.rows for phase in ("forward", "machine")]
    (table,) = parts(replace(one, rows=one.rows + halves))["Profile of attention: 512 tokens, cpu x, threads 1"].tables
    assert table.title == "attention: width 8, heads 2, dtype float32"
    assert table.caption == "Kernels: none ran."


@pytest.mark.parametrize(
    ("settings", "load"), [({"tokens": 0, "batch": 8}, "batch 8"), ({"tokens": 0}, "settings not")]
)
def test_what_a_batch_holds_is_said(settings, load):
    assert content.made_with(profile("p", 0, **settings)).startswith(load)


def test_what_is_missing_is_named_by_its_run_and_once():
    failed = [HOW | {"run": "p", "status": "oom", "attention": "linear", "maxlen": 512, "note": "capped"}] * 2
    one = profile("p", 0)
    found = parts(replace(one, rows=one.rows + schema.table({}, failed).to_dicts()))
    assert found["What is missing"].sentences == ["p: linear at 512, attention, seconds: oom: capped"]
    assert parts(one)["What is missing"].sentences == ["Nothing."]


def test_the_page_says_of_how_many_runs_it_is():
    runs = [trained("t", "linear", 0.2), profile("p", 0), profile("q", 1)]
    assert about(runs).startswith("1 train run, 2 profile runs; written ")


def test_what_several_runs_lack_is_said_once_with_their_number():
    failed = [HOW | {"run": "p", "status": "oom", "attention": "linear", "maxlen": 512, "note": "capped"}]
    runs = [replace(one, rows=one.rows + schema.table({}, failed).to_dicts()) for one in map(profile, "pqr", (0, 1, 2))]
    assert parts(*runs)["What is missing"].sentences == ["p and 2 more: linear at 512, attention, seconds: oom: capped"]


def test_a_figure_stands_with_the_table_of_its_numbers_and_what_has_none_apart():
    run = {"dataset": "d", "device": None, "threads": None, "benchmark": schema.BENCHMARK}
    cell = {"phase": "attention", "width": 8, "heads": 2, "dtype": "float32", "tokens": 512, "device": "cpu x",
            "threads": 1, "benchmark": schema.BENCHMARK}  # fmt: skip
    figures = [drawn("a", "train", **run), drawn("b", "train", **run | {"dataset": "e"}), drawn("c", "profile", **cell),
               drawn("d", "profile", **cell | {"tokens": 256}), drawn("e", "profile", **cell | run)]  # fmt: skip
    found = parts(trained("t", "linear", 0.2), profile("p", 0), figures=figures)
    (quality,), (cost,) = found["Quality"].tables, found["Profile of attention: 512 tokens, cpu x, threads 1"].tables
    assert quality.figures == figures[:1]
    assert found["Quality"].figures == figures[1:2]
    assert cost.figures == figures[2:3]
    assert found["Other figures of time and memory"].figures == figures[3:]


OF_TRAINING = ["dataset", "data_digest", "model", "width", "layers", "heads", "setup", "benchmark", "device", "threads"]
OF_PROFILE = ["phase", "model", "width", "heads", "dtype", "tokens", "batch", "device", "threads", "benchmark"]


@pytest.mark.parametrize("name", OF_TRAINING)
def test_a_figure_of_other_trainings_stands_apart(name):
    run = dict.fromkeys(OF_TRAINING) | {"dataset": "d", "benchmark": schema.BENCHMARK}
    figures = [drawn("a", "train", **run), drawn("b", "train", **run | {name: "other"})]
    found = parts(trained("t", "linear", 0.2), figures=figures)["Quality"]
    assert (found.tables[0].figures, found.figures) == (figures[:1], figures[1:])


@pytest.mark.parametrize("name", OF_PROFILE)
def test_a_figure_of_other_costs_stands_apart(name):
    cell = {"phase": "attention", "width": 8, "heads": 2, "dtype": "float32", "tokens": 512, "device": "cpu x",
            "threads": 1, "benchmark": schema.BENCHMARK}  # fmt: skip
    figures = [drawn("a", "profile", **cell), drawn("b", "profile", **cell | {name: "other"})]
    found = parts(profile("p", 0), figures=figures)
    assert found["Profile of attention: 512 tokens, cpu x, threads 1"].tables[0].figures == figures[:1]
    assert found["Other figures of time and memory"].figures == figures[1:]


def test_the_figure_of_one_length_stands_with_its_table_whatever_a_batch_was_asked_to_hold():
    cell = {"phase": "attention", "width": 8, "heads": 2, "dtype": "float32", "tokens": 512, "batch": None,
            "device": "cpu x", "threads": 1, "benchmark": schema.BENCHMARK}  # fmt: skip
    (figure,) = figures = [drawn("c", "profile", **cell)]
    rows = [row for row in profile("p", 0).rows if row["maxlen"] == 64]
    # Eight sequences of 64 are 512 tokens.
    found = parts(run("p", SETTINGS | {"maxlen": [64], "tokens": 0, "batch": 8}, rows), figures=figures)
    (cost,) = next(part for title, part in found.items() if title.startswith("Profile of attention")).tables
    assert cost.figures == [figure]


def test_the_title_says_what_was_measured_on_what_and_where():
    row = {"command": "train", "dataset": "d", "device": "cpu x"}
    layer = {"command": "profile", "phase": "attention", "run": "p", "device": "cpu x"}
    evaluated = row | {"command": "evaluate", "dataset": "e", "device": "cuda y"}
    rows = [row, evaluated, layer, layer | {"phase": "backward"}, layer | {"phase": "machine"}]
    assert title(schema.table({}, rows)) == "linrec: quality on d, e; cost of attention; cpu x, cuda y"
    many = [row | {"dataset": f"d{number}"} for number in range(6)]
    assert title(schema.table({}, many)) == "linrec: quality on d0, d1, d2, d3, 2 more; cpu x"


@pytest.mark.parametrize("format", PAGES)
def test_a_folder_becomes_a_page_with_its_figures(format):
    rows = schema.table({}, profile("p", 0).rows)
    store.write_frame(rows, Path("results/runs/p") / store.TABLE)
    text = report(Path("results"), format)
    assert "linrec: cost of attention; cpu x" in text
    assert "results: 1 profile run; written" in text
    assert "attention-w8-length" in text


def test_one_mechanism_at_one_length_needs_no_figure_in_a_report():
    points = [{"mechanism": name, "maxlen": maxlen, "panel": "ndcg"} for name, maxlen in (("a", 1), ("a", 1), ("b", 1))]
    for rows, shown in ((points, True), (points[:2], False), ([*points[:1], points[0] | {"maxlen": 2}], True)):
        assert Drawn("x", Figure(), pl.DataFrame(rows), "train").compares == shown
        assert Drawn("x", Figure(), pl.DataFrame(rows), "profile").compares
