"""The points of panels are what the table says: means over seeds, medians over runs, the latest, and nothing mixed."""

from datetime import UTC, datetime

import pytest

from linrec_cli.plots.groups import groups
from linrec_cli.results import schema

HOW = {"width": 64, "heads": 2, "device": "cpu", "dtype": "float32", "threads": 1, "tokens": 4096}
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def timed(attention, maxlen, value, **more):
    row = {"command": "profile", "phase": "attention", "metric": "seconds", "seed": 0, "created": EARLY, "run": "r"}
    return HOW | row | {"attention": attention, "maxlen": maxlen, "value": value} | more


def trained(metric, value, seed, **more):
    test = {"stage": "test", "k": 10} if metric == "ndcg" else {"stage": "train"}
    row = {"command": "train", "dataset": "d", "model": "sasrec", "attention": "linear", "maxlen": 50, "metric": metric}
    return HOW | row | test | {"value": value, "seed": seed, "created": EARLY} | more


def made(*rows):
    """Make the points of the only group there is."""
    (group,) = groups(schema.table({}, rows))
    return group.points


def ends(points, panel):
    """Give value, spread and runs of the only point of a panel."""
    return points.filter(panel=panel).select("value", "low", "high", "runs").row(0)


def test_quality_is_a_mean_over_seeds_and_a_cost_a_median_over_runs_between_their_extremes():
    """Of .1, .2 and .6 the mean is .3; of 1, 2 and 6 seconds, and as many MiB, the median is 2."""
    qualities = (trained("ndcg", value, seed) for seed, value in enumerate((0.1, 0.2, 0.6)))
    costs = (
        trained(metric, scale * value, seed)
        for metric, scale in (("seconds_per_epoch", 1), ("peak_bytes", 2**20))
        for seed, value in enumerate((1.0, 2.0, 6.0))
    )
    points = made(*qualities, *costs)
    assert ends(points, "quality") == pytest.approx((0.3, 0.1, 0.6, 3))
    assert ends(points, "epoch") == ends(points, "memory") == (2, 1, 6, 3)


def test_of_one_seed_the_spread_is_its_own():
    points = made(trained("ndcg", 0.3, 0, low=0.25, high=0.35))
    assert ends(points, "quality") == (0.3, 0.25, 0.35, 1)


def test_a_time_is_in_milliseconds_and_so_is_its_spread():
    assert ends(made(timed("linear", 50, 0.01, low=0.009, high=0.02)), "time") == pytest.approx((10, 9, 20, 1))


def test_of_a_number_that_was_made_again_the_latest_counts():
    points = made(timed("linear", 128, 0.02, created=LATE), timed("linear", 128, 0.01))
    assert points["value"].to_list() == [pytest.approx(20)]


def test_a_seed_that_failed_is_counted_and_not_averaged():
    points = made(*(trained("ndcg", 0.2, seed) for seed in (0, 1)), trained("run", None, 2, status="oom"))
    assert points.select("value", "runs", "failed", "failure", "status").row(0) == (0.2, 2, 1, "oom", "ok")


def test_options_make_a_line_of_their_own():
    points = made(timed("linear", 128, 0.02), timed("linear", 128, 0.01, options="pad=included"))
    assert set(points["mechanism"]) == {"linear", "linear:pad=included"}


def test_a_model_without_a_mechanism_is_a_line_of_its_own_name():
    points = made(trained("ndcg", 0.2, 0, attention="", model="popular"))
    assert points["mechanism"].to_list() == ["popular"]


def test_a_speed_up_is_over_softmax_in_the_same_run_alone():
    old = [timed("softmax", 128, 0.5, run="a"), timed("linear", 128, 0.4, run="a")]
    new = [timed("softmax", 256, 0.6, run="b"), timed("linear", 256, 0.2, run="b"), timed("mean", 512, 0.1, run="b")]
    points = made(*old, *new).filter(panel="speedup")
    assert points.select("mechanism", "maxlen", "value", "baseline").rows() == [
        ("linear", 128, pytest.approx(1.25), "softmax"),
        ("linear", 256, pytest.approx(3.0), "softmax"),
    ]


@pytest.mark.parametrize(
    ("names", "baseline"), [(("elu", "softmax-naive"), "softmax-naive"), (("elu", "linear"), "elu")]
)
def test_without_softmax_speed_ups_are_over_its_unfused_form_or_the_first(names, baseline):
    points = made(*(timed(name, n, 0.01) for name in names for n in (128, 256)))
    assert set(points["baseline"].drop_nulls()) == {baseline}


def test_of_several_ways_the_quickest_at_the_longest_length_counts():
    """The cache is quicker at first and the recurrence at last, where it is three times as fast as softmax."""
    ways = {"cache": (1.0, 9.0), "recurrence": (2.0, 2.0)}
    mine = [
        timed("linear", n, seconds, phase="serve", stage=way)
        for way, times in ways.items() for n, seconds in zip((128, 256), times, strict=True)
    ]  # fmt: skip
    points = made(*mine, *(timed("softmax", n, 6.0, phase="serve", stage="cache") for n in (128, 256)))
    assert points.filter(panel="speedup")["value"].to_list() == [3.0, 3.0]


def test_what_was_timed_beside_others_says_so_and_so_does_a_speed_up_made_of_it():
    quiet, crowded = timed("softmax", 128, 2.0, contended=False), timed("softmax", 256, 2.0, contended=True)
    mine = [timed("linear", n, 1.0, contended=False) for n in (128, 256)]
    points = made(quiet, crowded, *mine).select("panel", "mechanism", "maxlen", "contended")
    assert points.filter("contended").drop("contended").rows() == [("time", "softmax", 256), ("speedup", "linear", 256)]
    assert made(trained("ndcg", 0.1, 0))["contended"].to_list() == [None]


def test_only_what_the_algorithm_needs_is_a_peak():
    peaks = {"rss": 3, "device": 7, "reserved": 8}
    rows = [timed("linear", 128, mib * 2.0**20, metric="peak_bytes", stage=stage) for stage, mib in peaks.items()]
    assert made(*rows)["value"].to_list() == [3]


def test_the_memory_that_ran_out_and_the_crossover_are_points_of_no_line():
    crossed = timed("linear", None, 203.4, metric="crossover", stage="softmax")
    gone = [
        timed("softmax", n, None, metric="peak_bytes", status="oom", low=mib * 2.0**20) for n, mib in ((1, 4), (2, 8))
    ]
    points = made(timed("linear", 128, 0.01), crossed, *gone)
    assert points.filter(panel="limit")["value"].to_list() == [8]
    assert points.filter(panel="crossover").select("mechanism", "value", "baseline").rows() == [
        ("linear", 203.4, "softmax")
    ]


def test_nothing_measured_is_no_group():
    assert groups(schema.table({}, [timed("softmax", 128, None, status="oom")])) == []
    assert groups(schema.table({}, [])) == []
