"""What two benchmark services read of verdicts."""

import json
from dataclasses import replace

import pytest

from linrec_cli.analysis import pairs
from linrec_cli.analysis.benchmark_services import bmf, full_names, gha
from linrec_cli.analysis.verdict import Verdict

CELL = dict.fromkeys(pairs.CELL) | {
    "command": "profile", "attention": "linear", "options": "", "maxlen": 512, "phase": "step", "metric": "seconds",
    "width": 64, "heads": 2, "tokens": 1024, "dtype": "float32", "device": "cpu x", "threads": 2,
}  # fmt: skip
SLOW = Verdict("regression", CELL, "time", "x softmax", (1.0, 1.1, 1.2), (1.3, 1.4, 1.5), 0.2727, 0.012)
PEAK = Verdict("ok", CELL | {"metric": "peak_bytes", "stage": "rss"}, "memory", "B", (2.0**20,), (2.0**20,), 0.0, 0.0)
TRAINED = CELL | {"command": "train", "dataset": "ml-100k", "phase": None, "metric": "ndcg", "k": 10, "stage": "test"}
QUALITY = Verdict("inconclusive", TRAINED, "quality", "1", (0.1,), (0.2,), 1.0, 0.1, None, "one seed")
GONE = Verdict("incomparable", CELL | {"maxlen": 1024}, "time", "x softmax", (1.0,), (), note="NEW: oom, too large")
ALL = [SLOW, QUALITY, PEAK, GONE]


def test_bencher_metric_format():
    found = bmf(ALL)
    name = "profile linear 512 step width 64 heads 2 tokens 1024 float32"
    assert found[name] == {
        "relative-time": {"value": 1.4, "lower_value": 1.3, "upper_value": 1.5},
        "peak-bytes": {"value": 2.0**20, "lower_value": 2.0**20, "upper_value": 2.0**20},
    }
    assert [*found[f"train ml-100k {name[8:].replace('step', 'train')}"]] == ["ndcg-10"]
    assert len(found) == 2
    absolute = bmf([Verdict("ok", CELL, "time", "s", (), (2e-3,))])
    # Bencher's latency is in nanoseconds.
    assert absolute[name]["latency"]["value"] == pytest.approx(2e6)
    assert json.loads(json.dumps(found)) == found
    # A GPU's own time is another number than what the host waits.
    wall = [replace(one, cell=one.cell | {"metric": "wall_seconds"}, new=(9.0,)) for one in (SLOW,)]
    assert [*bmf([SLOW, *wall])[name]] == ["relative-time", "wall-relative-time"]
    epochs = [Verdict("ok", CELL | {"metric": name}, "time", "s", (), (1.0,)) for name in pairs.EPOCHS]
    assert [*bmf(epochs)[name]] == ["latency", "validation-latency"]


def test_github_action_benchmark_takes_costs_alone():
    slow, peak = gha(ALL)
    assert slow == {
        "name": "profile linear 512 step width 64 heads 2 tokens 1024 float32 time",
        "unit": "x softmax",
        "value": 1.4,
        "range": "1.3 - 1.5",
        "extra": "3 runs; regression",
    }
    assert (peak["unit"], peak["value"]) == ("B", 2.0**20)


def test_quality_is_the_mean_over_seeds_there_too():
    """Of .1, .2 and .6 the mean is .3."""
    (numbers,) = bmf([Verdict("ok", TRAINED, "quality", "1", (), (0.1, 0.2, 0.6))]).values()
    assert numbers == {"ndcg-10": pytest.approx({"value": 0.3, "lower_value": 0.1, "upper_value": 0.6})}


def test_a_name_does_not_depend_on_what_else_is_compared_but_for_the_machine():
    alone, *_ = full_names([SLOW])
    assert full_names([SLOW, QUALITY, GONE])[0] == alone
    there = Verdict("ok", CELL | {"threads": 4}, "time", "s")
    assert full_names([SLOW, there]) == [f"{alone} threads 2", f"{alone} threads 4"]
    popular = Verdict("ok", TRAINED | {"attention": "", "model": "popular"}, "quality", "1")
    assert full_names([popular])[0].startswith("train ml-100k popular 512 train")


@pytest.mark.parametrize("name", ["form", "width", "heads", "layers", "tokens", "dtype", "protocol", "seen", "setup"])
def test_two_cells_that_differ_have_two_names(name):
    other = 7 if name in ("width", "heads", "layers", "tokens") else "other"
    given = replace(SLOW, cell=CELL | {name: 5 if other == 7 else "one"})
    assert len(bmf([given, replace(given, cell=CELL | {name: other})])) == 2
