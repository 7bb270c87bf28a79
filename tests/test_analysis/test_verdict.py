"""The rule: cases worked by hand, then its rates of error on drawn runs, where nothing is timed."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from linrec_cli.analysis.verdict import Rule, compare, judged, relative, runs_needed, spread
from linrec_cli.errors import UsageError
from linrec_cli.results import schema

CELL = {"command": "profile", "phase": "step", "model": "sasrec", "width": 64, "heads": 2, "layers": 2, "maxlen": 512,
        "tokens": 16_384, "device": "cpu x", "dtype": "float32", "threads": 2, "torch": "2.9",
        "created": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
FIVE = [1.00, 1.01, 1.02, 1.01, 1.00]


def row(run, attention, value, metric="seconds", **more):
    how = {"seconds": {"unit": "s"}, "peak_bytes": {"unit": "B", "stage": "rss"}, "saved_bytes": {"unit": "B"}}[metric]
    return CELL | how | {"run": str(run), "attention": attention, "metric": metric, "value": value} | more


def table(*rows):
    return schema.table({}, rows)


def timed(linear, softmax=1.0, **more):
    """Make a table of runs in which `linear` took the seconds given and `softmax` one."""
    rows = [row(run, "linear", seconds * softmax, **more) for run, seconds in enumerate(linear)]
    return table(*rows, *(row(run, "softmax", softmax, **more) for run in range(len(linear))))


def only(verdicts):
    (one,) = verdicts
    return one


def words(verdicts):
    return [one.verdict for one in verdicts]


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([1.10, 1.11, 1.12, 1.11, 1.10], "regression"),
        ([0.90, 0.91, 0.92, 0.91, 0.90], "improved"),
        # All worse than all, but under the threshold.
        ([1.03, 1.04, 1.05, 1.04, 1.03], "ok"),
        (FIVE, "ok"),
        # One new run is no worse than the worst base run.
        ([1.10, 1.11, 1.02, 1.11, 1.10], "inconclusive"),
        # Twice the noise is more than the threshold.
        ([1.00, 1.08, 0.95, 1.05, 1.02], "inconclusive"),
    ],
)
def test_the_rule_by_hand(new, verdict):
    assert judged(FIVE, new, 0.05, 0.01)[0] == verdict


def test_twice_the_noise_must_be_exceeded_too():
    base, new = [1.0, 1.1, 1.0, 1.1, 1.05], [1.15, 1.25, 1.15, 1.25, 1.2]
    # Of ten pairs a side four differ by 0.1, two not at all, four by 0.05: on average 0.06.
    assert spread(base) == pytest.approx(0.06 / 1.05)
    assert relative(1.05, 1.2) > 2 * spread(base, new)
    assert judged(base, new, 0.05, 0.01)[0] == "regression"
    lower = [value - 0.04 for value in new]
    assert min(lower) > max(base)
    assert judged(base, lower, 0.05, 0.01)[0] == "inconclusive"


def test_too_few_runs_say_how_many_would_do():
    verdict, change, noise, note = judged([1.0], [2.0], 0.05, 0.01)
    assert (verdict, change, noise) == ("inconclusive", 1.0, None)
    assert note == "1 and 1 runs; 5 a side will do"
    # 1 / C(10, 5) = 1/252, 1 / C(8, 4) = 1/70, 1 / C(6, 3) = 1/20.
    assert [runs_needed(chance) for chance in (0.01, 0.02, 0.05, 0.5)] == [5, 4, 3, 1]
    assert judged(FIVE, [2.0, 2.0], 0.05, 0.05)[0] == "regression"


def test_what_is_counted_needs_one_run():
    assert judged([1000], [1030], 0.01, 0.01, counted=True)[0] == "regression"
    assert judged([1000], [1005], 0.01, 0.01, counted=True)[0] == "ok"
    assert judged([0], [0], 0.01, 0.01, counted=True)[:2] == ("ok", 0.0)
    assert judged([0], [8], 0.01, 0.01, counted=True)[0] == "regression"


def test_a_slower_day_is_no_regression_because_the_yardstick_was_slower_too():
    one = only(compare(timed(FIVE), timed(FIVE, softmax=1.7), Rule()))
    assert (one.verdict, one.unit) == ("ok", "x softmax")
    assert one.base == pytest.approx(one.new)
    assert words(compare(timed(FIVE), timed(FIVE, softmax=1.7), Rule(yardstick=""))) == ["regression"] * 2


def test_the_yardstick_is_that_of_the_same_turn_phase_and_length():
    rows = [
        row("a", "linear", 3.0, process=1), row("a", "softmax", 1.0, process=2),
        row("a", "linear", 8.0, process=3), row("a", "softmax", 2.0, process=4),
        row("a", "linear", 50.0, process=5, maxlen=64), row("a", "softmax", 10.0, process=6, maxlen=64),
        row("b", "linear", 70.0, process=1), row("b", "softmax", 10.0, process=2),
    ]  # fmt: skip
    found = compare(table(*rows), table(*rows), Rule())
    assert {one.cell["maxlen"]: one.base for one in found} == {512: (3.0, 4.0, 7.0), 64: (5.0,)}


def test_a_way_that_the_yardstick_has_not_is_measured_by_the_one_it_has():
    rows = [row("a", "linear", 1.0, stage="recurrence"), row("a", "linear", 6.0, stage="recomputation"),
            row("a", "softmax", 2.0, stage="recomputation")]  # fmt: skip
    found = compare(table(*rows), table(*rows), Rule())
    assert {one.cell["stage"]: one.base for one in found} == {"recurrence": (0.5,), "recomputation": (3.0,)}


def test_without_a_yardstick_beside_it_nothing_is_compared_and_an_unknown_one_is_refused():
    apart = table(row("a", "linear", 1.0), row("b", "softmax", 1.0))
    one = only(compare(apart, apart, Rule()))
    assert one.verdict == "incomparable"
    assert "--yardstick none" in one.note
    lost = only(compare(timed([1.0]), apart, Rule()))
    assert lost.verdict == "inconclusive"
    with pytest.raises(UsageError, match="did you mean 'softmax'"):
        compare(apart, apart, Rule(yardstick="sofmax"))


def test_three_per_cent_more_memory_is_found_and_a_stray_page_is_not():
    def peaks(*values, stage="rss"):
        return table(*(row(run, "linear", value, "peak_bytes", stage=stage) for run, value in enumerate(values)))

    base = peaks(100.0e6, 100.004e6, 100.0e6, 100.008e6, 100.004e6)
    more, same = peaks(*(103e6 + 4e3 * n for n in range(5))), peaks(*(100e6 + 4e3 * n for n in range(5)))
    assert words(compare(base, more, Rule())) == ["regression"]
    assert words(compare(base, same, Rule())) == ["ok"]
    assert words(compare(peaks(100, stage="allocated"), peaks(103, stage="allocated"), Rule())) == ["regression"]
    assert compare(peaks(1, stage="device"), peaks(9, stage="device"), Rule()) == []


def test_each_way_to_serve_an_event_has_its_own_memory():
    rows = [row("a", "linear", 1, "peak_bytes", phase="serve", stage=f"{way}.{counter}")
            for way in ("recurrence", "recomputation") for counter in ("allocated", "reserved")]  # fmt: skip
    found = compare(table(*rows), table(*rows), Rule())
    assert [(one.verdict, one.cell["stage"]) for one in found] == [
        ("ok", "recurrence.allocated"),
        ("ok", "recomputation.allocated"),
    ]


def test_who_was_timed_beside_other_processes_is_said_unless_all_is_well():
    base, slow = timed(FIVE, contended=True), timed([1.2 * seconds for seconds in FIVE])
    assert [only(compare(base, new, Rule())).note for new in (slow, base)] == ["timed beside other processes", ""]


def test_a_runs_time_is_a_low_quantile_of_its_samples_because_others_only_add_time():
    quiet, busy = [1.0] * 11, [1.0, 1.0, *[5.0] * 9]
    base, new = (
        table(*(row(n, name, 99.0, samples=s) for n in range(5) for name, s in (("linear", x), ("softmax", quiet))))
        for x in (quiet, busy)
    )
    assert [one.new[0] for one in compare(base, new, Rule())] == [1.0]
    assert words(compare(base, new, Rule())) == ["ok"]
    assert words(compare(base, new, Rule(quantile=0.5))) == ["regression"]


def test_saved_bytes_are_gated_from_one_run():
    base, new = (table(row("a", "linear", value, "saved_bytes")) for value in (1000, 1011))
    assert words(compare(base, new, Rule())) == ["regression"]
    assert words(compare(base, new, Rule(memory=0.02))) == ["ok"]


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("device", "cuda y", "device"), ("dtype", "bfloat16", "dtype"), ("threads", 1, "thread count"),
        ("torch", "2.10", "torch (2.9 against 2.10)"), ("benchmark", 99, "benchmark version"),
        ("data_digest", "f", "data"), ("protocol", "uni100", "protocol"), ("setup", "f", "settings"),
    ],
)  # fmt: skip
def test_what_was_made_in_another_way_is_refused_unless_forced(column, value, word):
    base, new = timed(FIVE), timed(FIVE, **{column: value})
    one = only(compare(base, new, Rule()))
    assert one.verdict == "incomparable"
    assert one.note.startswith(f"another {word}")
    assert "--force" in one.note
    forced = only(compare(base, new, Rule(force=True)))
    assert (forced.verdict, forced.cell[column]) == ("ok", value)
    assert forced.note.startswith(f"another {word}")


def test_what_both_sides_made_in_the_same_way_is_compared_and_the_rest_is_named():
    both = pl.concat([timed(FIVE), timed(FIVE, dtype="bfloat16")])
    found = compare(both, timed(FIVE), Rule())
    assert [(one.verdict, one.cell["dtype"], one.note) for one in found] == [
        ("ok", "float32", ""),
        ("incomparable", "bfloat16", "not in NEW"),
    ]


def test_a_cell_of_one_side_is_named_and_one_that_failed_is_neither_worse_nor_fine():
    gone = row("a", "linear", None, status="oom", note="memory was capped")
    softmax = row("a", "softmax", 1.0)
    assert words(compare(timed(FIVE), table(softmax), Rule())) == ["incomparable"]
    assert only(compare(table(softmax), timed(FIVE), Rule())).note == "not in BASE"
    lost = only(compare(timed(FIVE), table(softmax, gone), Rule()))
    assert (lost.verdict, lost.note) == ("inconclusive", "NEW: oom, memory was capped")
    never = only(compare(table(gone), table(gone), Rule()))
    assert (never.verdict, never.kind) == ("incomparable", "")
    assert never.note == "BASE: oom, memory was capped; NEW: oom, memory was capped"


def test_the_worst_comes_first():
    def lengths(*slow):
        rows = [row(run, "linear", slow[n] * FIVE[run], maxlen=2**n) for run in range(5) for n in range(3)]
        return table(*rows, *(row(run, "softmax", 1.0, maxlen=2**n) for run in range(5) for n in range(3)))

    found = compare(lengths(1, 1, 1), lengths(1, 1.2, 1.5), Rule())
    assert [(one.cell["maxlen"], one.verdict) for one in found] == [(4, "regression"), (2, "regression"), (1, "ok")]


def draws(rng, shape, noise, slower=0.0):
    """Draw runs around one: as much noise as asked for, and now and then a run that a neighbour slowed down."""
    runs = np.exp(rng.normal(0, noise, shape)) * (1 + slower)
    return runs * np.where(rng.random(shape) < 0.03, 1 + rng.uniform(0.05, 0.3, shape), 1)


@pytest.mark.parametrize(("noise", "false"), [(0.01, 2), (0.03, 6), (0.08, 10)])
def test_of_1000_comparisons_of_the_same_code_at_most_one_in_a_hundred_is_called_a_regression(noise, false):
    rng = np.random.default_rng(0)
    base, new = draws(rng, (1000, 5), noise), draws(rng, (1000, 5), noise)
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") <= false


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_nor_where_a_neighbour_makes_some_runs_take_twice_as_long(share):
    rng = np.random.default_rng(0)
    base, new = (np.exp(rng.normal(0, 0.02, (1000, 5))) * np.where(rng.random((1000, 5)) < share, 2, 1) for _ in "ab")
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") <= 10


def test_a_slowdown_of_15_per_cent_is_found_95_times_in_100_where_two_runs_differ_by_three_and_a_half():
    rng = np.random.default_rng(1)
    # Two draws of a normal distribution differ by 1.128 of its standard deviations on average.
    noise = 0.035 / 1.128
    base, new = (np.exp(rng.normal(0, noise, (1000, 5))) * slow for slow in (1, 1.15))
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("regression") >= 950
    assert found.count("ok") == 0


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1, 0.3])
def test_a_slowdown_of_15_per_cent_is_never_called_ok_however_noisy_the_machine(noise):
    rng = np.random.default_rng(2)
    base, new = draws(rng, (1000, 5), noise), draws(rng, (1000, 5), noise, slower=0.15)
    found = [judged(a, b, 0.05, 0.01)[0] for a, b in zip(base, new, strict=True)]
    assert found.count("ok") <= 1
