"""Two planted tables side by side: what is compared with what, in which unit, and what may not be."""

from datetime import UTC, datetime

import polars as pl
import pytest

from linrec_cli.analysis.compare import compare, worst_first
from linrec_cli.analysis.verdict import Rule, Verdict
from linrec_cli.analysis.verdict_text import metric as metric_of
from linrec_cli.errors import UsageError
from linrec_cli.results import schema

CELL = {"command": "profile", "phase": "step", "model": "sasrec", "width": 64, "heads": 2, "layers": 2, "maxlen": 512,
        "tokens": 16_384, "device": "cpu x", "dtype": "float32", "threads": 2, "torch": "2.9",
        "created": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
FIVE = [1.00, 1.01, 1.02, 1.01, 1.00]


def row(run, attention, value, metric="seconds", **more):
    how = {"peak_bytes": {"unit": "B", "stage": "rss"}, "saved_bytes": {"unit": "B"}}.get(metric, {"unit": "s"})
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
    for some in (rows, [rows[3], *rows[:3], *rows[4:]]):
        found = compare(table(*some), table(*some), Rule())
        assert {one.cell["maxlen"]: one.base for one in found} == {512: (3.0, 4.0, 7.0), 64: (5.0,)}


def test_a_turn_is_one_of_its_own_run_also_where_another_run_has_more_of_them():
    rows = [row("a", "linear", 9.0, process=1), row("b", "linear", 6.0), row("b", "softmax", 2.0)]
    assert only(compare(table(*rows), table(*rows), Rule())).base == (3.0,)


def test_what_a_gpu_takes_and_what_its_host_waits_are_judged_apart_each_by_the_yardsticks_own():
    def both(launches):
        host = [row(run, name, launches * (5.0 if name == "linear" else 2.0), "wall_seconds", process=1 + 2 * run)
                for run in range(5) for name in ("linear", "softmax")]  # fmt: skip
        return pl.concat([timed(FIVE), table(*host)])

    waited = (pl.col("metric") == "wall_seconds") & (pl.col("attention") == "linear")
    slower = both(1.0).with_columns(value=pl.when(waited).then(6.5).otherwise("value"))
    found = {one.cell["metric"]: one for one in compare(both(1.0), slower, Rule())}
    assert {name: one.verdict for name, one in found.items()} == {"seconds": "ok", "wall_seconds": "regression"}
    assert (found["wall_seconds"].base[0], found["wall_seconds"].new[0]) == (2.5, 3.25)
    assert words(compare(both(1.0), both(1.7), Rule())) == ["ok", "ok"]


def test_a_way_that_the_yardstick_has_not_is_measured_by_the_one_it_has():
    rows = [row("a", "linear", 1.0, stage="recurrence"), row("a", "linear", 6.0, stage="recomputation"),
            row("a", "softmax", 2.0, stage="recomputation")]  # fmt: skip
    found = compare(table(*rows), table(*rows), Rule())
    assert {one.cell["stage"]: one.base for one in found} == {"recurrence": (0.5,), "recomputation": (3.0,)}
    # Where it has several, each of another's is measured by the same way; what has none there, by recomputation.
    rows += [row("a", "softmax", 0.5, stage="cache"), row("a", "elu", 4.0, stage="cache")]
    found = compare(table(*rows), table(*rows), Rule())
    assert {(one.cell["attention"], one.cell["stage"]): one.base for one in found} == {
        ("linear", "recurrence"): (0.5,), ("linear", "recomputation"): (3.0,), ("elu", "cache"): (8.0,)}  # fmt: skip


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
    # Bytes are no more for it.
    peaks = [table(*(row(n, "linear", size, "peak_bytes", contended=True) for n in range(5))) for size in (1e8, 2e8)]
    assert only(compare(*peaks, Rule())).note == ""


def test_a_runs_time_is_a_low_quantile_of_its_samples_because_others_only_add_time():
    quiet, busy = [1.0] * 11, [1.0, 1.0, *[5.0] * 9]
    base, new = (
        table(*(row(n, name, 99.0, samples=s) for n in range(5) for name, s in (("linear", x), ("softmax", quiet))))
        for x in (quiet, busy)
    )
    assert [one.new[0] for one in compare(base, new, Rule())] == [1.0]
    assert words(compare(base, new, Rule())) == ["ok"]
    assert words(compare(base, new, Rule(quantile=0.5))) == ["regression"]


def test_five_runs_a_side_can_tell_a_slowdown_and_four_cannot():
    slow = [1.2 * seconds for seconds in FIVE]
    assert words(compare(timed(FIVE), timed(slow), Rule())) == ["regression"]
    one = only(compare(timed(FIVE[:4]), timed(slow[:4]), Rule()))
    assert (one.verdict, one.note) == ("inconclusive", "4 and 4 runs; 5 a side will do")


@pytest.mark.parametrize("metric", ["saved_bytes", "state_bytes"])
def test_bytes_that_are_counted_are_gated_from_one_run(metric):
    base, new = (table(row("a", "linear", value, metric, unit="B")) for value in (1000, 1011))
    assert words(compare(base, new, Rule())) == ["regression"]
    assert words(compare(base, new, Rule(memory=0.02))) == ["ok"]


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("device", "cuda y", "device"), ("dtype", "bfloat16", "dtype"), ("threads", 1, "thread count"),
        ("torch", "2.10", "torch (2.9 against 2.10)"), ("benchmark", 99, "benchmark version"),
        ("data_digest", "f", "data"), ("protocol", "uni100", "protocol"), ("setup", "f", "settings"),
        ("split", "ratio", "split"), ("seen", "rank", "seen"), ("objective", "cloze", "objective"),
        ("loss", "bce", "loss"), ("ties", "worst", "ties"),
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


def test_what_both_sides_made_in_the_same_way_is_compared_and_what_is_gone_is_not_fine():
    both = pl.concat([timed(FIVE), timed(FIVE, dtype="bfloat16")])
    found = compare(both, timed(FIVE), Rule())
    assert [(one.verdict, one.cell["dtype"], one.note) for one in found] == [
        ("inconclusive", "bfloat16", "not in NEW"),
        ("ok", "float32", ""),
    ]
    # What is new is nothing to worry about.
    assert [(one.verdict, one.note) for one in compare(timed(FIVE), both, Rule())] == [
        ("ok", ""),
        ("incomparable", "not in BASE"),
    ]


@pytest.mark.parametrize("metric", ["seconds", "peak_bytes", "saved_bytes"])
def test_a_number_that_the_new_side_lacks_is_inconclusive_whatever_it_is_of(metric):
    softmax = [row(run, "softmax", 1.0) for run in range(5)]
    base = table(*softmax, *(row(run, "linear", 1.0, metric) for run in range(5)))
    one = only(compare(base, table(*softmax), Rule()))
    assert (one.verdict, one.note, one.new) == ("inconclusive", "not in NEW", ())


def test_a_number_without_a_yardstick_that_is_gone_is_not_fine_either():
    alone = row("a", "linear", 1.0)
    one = only(compare(table(alone), table(row("a", "softmax", 1.0)), Rule()))
    assert (one.verdict, one.note) == ("inconclusive", "not in NEW")


def test_a_cell_of_one_side_is_named_and_one_that_failed_is_neither_worse_nor_fine():
    gone = row("a", "linear", None, status="oom", note="memory was capped")
    softmax = row("a", "softmax", 1.0)
    assert only(compare(table(softmax), timed(FIVE), Rule())).note == "not in BASE"
    lost = only(compare(timed(FIVE), table(softmax, gone), Rule()))
    assert (lost.verdict, lost.note) == ("inconclusive", "NEW: oom, memory was capped")
    never = only(compare(table(gone), table(gone), Rule()))
    assert (never.verdict, never.kind) == ("incomparable", "")
    assert never.note == "BASE: oom, memory was capped; NEW: oom, memory was capped"


def test_a_training_that_failed_says_why():
    gone = trained("ml-100k", "d", None).with_columns(metric=pl.lit("run"), status=pl.lit("oom"), note=pl.lit("capped"))
    lost = only(compare(trained("ml-100k", "d"), gone, Rule()))
    assert (lost.verdict, lost.note) == ("inconclusive", "NEW: oom, capped")


@pytest.mark.parametrize(
    ("base", "new", "said"),
    [
        (None, None, ("incomparable", "BASE: error, not a number; NEW: error, not a number", "quality")),
        (0.5, None, ("inconclusive", "NEW: error, not a number", "quality")),
        (None, 0.5, ("incomparable", "BASE: error, not a number", "quality")),
    ],
)
def test_a_quality_that_is_no_number_does_not_vanish_and_says_so(base, new, said):
    def side(value):
        failed = {"status": "error", "note": "not a number"} if value is None else {}
        peaks = [row(f"{value}-{run}", "linear", 100.0, "peak_bytes") | {"command": "train", "dataset": "d",
                 "data_digest": "d", "phase": None, "stage": "train"} for run in range(5)]  # fmt: skip
        quality = peaks[0] | {"metric": "ndcg", "k": 10, "stage": "test", "value": value, "high": value} | failed
        return table(*peaks, quality)

    quality, memory = sorted(compare(side(base), side(new), Rule()), key=lambda one: one.kind == "memory")
    assert (quality.verdict, quality.note, quality.kind) == said
    # What is wrong with the quality is not said of the memory.
    assert (memory.kind, memory.verdict, memory.note) == ("memory", "ok", "")
    assert metric_of(quality) == "NDCG@10"


def test_a_seed_that_came_to_no_number_is_gone_and_says_why():
    def side(*values):
        score = {"command": "train", "dataset": "d", "data_digest": "d", "phase": None, "stage": "test", "k": 10}
        failed = [{} if value else {"status": "error", "note": "not a number"} for value in values]
        return table(*(row(seed, "linear", value, "ndcg", high=value, seed=seed, **score, **bad)
                       for seed, (value, bad) in enumerate(zip(values, failed, strict=True))))  # fmt: skip

    one = only(compare(side(0.5, 0.6, 0.7), side(0.5, 0.6, None), Rule()))
    assert one.verdict == "inconclusive"
    assert "not in NEW: seed 2" in one.note
    assert "NEW: error, not a number" in one.note


def test_other_settings_are_named_where_they_are_known():
    """Their digest tells nobody anything."""
    base, new = (trained("ml-100k", "d").with_columns(setup=pl.lit(name)) for name in "ab")
    known = {"a": {"lr": 0.001, "width": 64}, "b": {"lr": 0.003, "width": 64}}
    assert only(compare(base, new, Rule())).note == "another settings; --force compares all the same"
    told = only(compare(base, new, Rule(), setups=known))
    assert told.note == "another lr (0.001 against 0.003); --force compares all the same"
    assert "lr" not in only(compare(base, new, Rule(), setups={"a": known["a"]})).note


def test_a_yardstick_is_a_mechanism_also_where_nothing_was_timed():
    quality = trained("ml-100k", "d")
    assert compare(quality, quality, Rule(yardstick="linear-gated:gate=false"))
    with pytest.raises(UsageError, match="nonee'; did you mean 'none'"):
        compare(quality, quality, Rule(yardstick="nonee"))


@pytest.mark.parametrize(
    "name", [{"options": "chunk=8"}, {"form": "bidirectional"}, {"model": "bert4rec"}, {"heads": 4}]
)
def test_what_is_named_otherwise_is_a_cell_of_its_own_beside_the_same_yardstick(name):
    more = {"form": "causal"} | name
    # The model and its size are the yardstick's too.
    shared = {key: value for key, value in more.items() if key in ("model", "heads")}

    def both(slow):
        other = [row(run, "linear", slow * 2 * seconds, **more) for run, seconds in enumerate(FIVE)]
        beside = [row(run, "softmax", 1.0, form="causal", **shared) for run in range(5)] if shared else []
        return pl.concat([timed(FIVE, form="causal"), table(*other, *beside)])

    found = compare(both(1.0), both(1.5), Rule())
    assert sorted((one.verdict, one.base[0]) for one in found) == [("ok", 1.0), ("regression", 2.0)]


def test_seconds_of_an_epoch_are_a_low_quantile_too():
    def epochs(*samples):
        rows = [row(run, "linear", 99.0, "seconds_per_epoch", command="train", phase=None, stage="train", dataset="d",
                    data_digest="d", samples=list(samples)) for run in range(5)]  # fmt: skip
        return table(*rows)

    base, new = epochs(*[1.0] * 21), epochs(1.0, 1.0, *[5.0] * 19)
    assert words(compare(base, new, Rule(yardstick=""))) == ["ok"]
    assert words(compare(base, new, Rule(yardstick="", quantile=0.5))) == ["regression"]


@pytest.mark.parametrize(
    ("metric", "name"), [("validation_peak_bytes", "validation memory"), ("validation_seconds", "validation time")]
)
def test_what_validation_costs_is_compared_too(metric, name):
    def both(cost):
        own = {"command": "train", "phase": None, "stage": "train", "dataset": "d", "data_digest": "d"}
        return table(*(row(n, "linear", cost * seconds * 2**30, metric, **own) for n, seconds in enumerate(FIVE)))

    (found,) = compare(both(1.0), both(1.5), Rule(yardstick=""))
    assert (found.verdict, metric_of(found)) == ("regression", name)
    assert (compare(both(1.0), both(1.5), Rule()) == []) == (metric == "validation_seconds")


def test_the_worst_quality_comes_first():
    mild, bad = (Verdict("regression", {}, "quality", "1", (), (), change) for change in (-0.03, -0.3))
    slow, slower = (Verdict("regression", {}, "time", "s", (), (), change) for change in (0.1, 0.2))
    assert worst_first([mild, slow, bad, slower]) == [bad, slower, slow, mild]


def trained(dataset, digest, value=2.0**20, **more):
    """Make the table of a training's peak."""
    data = {"command": "train", "dataset": dataset, "data_digest": digest, "phase": None, "stage": "train"}
    return table(row("t", "linear", value, "peak_bytes", **data | more))


def test_the_digest_of_the_data_decides_and_not_what_they_are_called():
    # One run a side is too few to judge, and enough to be paired.
    renamed = only(compare(trained("ml-100k", "d"), trained("/home/me/u.data", "d"), Rule()))
    assert (renamed.change, renamed.cell["dataset"]) == (0.0, "/home/me/u.data")
    other = only(compare(trained("ml-100k", "d"), trained("ml-100k", "e"), Rule()))
    assert (other.verdict, other.note) == ("incomparable", "another data (d against e); --force compares all the same")
    strangers = compare(trained("ml-100k", "d"), trained("beauty", "e"), Rule(force=True))
    assert {(one.verdict, one.note) for one in strangers} == {
        ("inconclusive", "not in NEW"),
        ("incomparable", "not in BASE"),
    }


def test_a_failure_on_other_data_is_not_held_against_a_number():
    gone = trained("beauty", "e", None, status="oom", note="capped")
    base = pl.concat([trained("ml-100k", "d"), trained("beauty", "e")])
    found = compare(base, pl.concat([trained("ml-100k", "d"), gone]), Rule())
    assert {one.cell["dataset"]: "capped" in one.note for one in found} == {"ml-100k": False, "beauty": True}


def test_what_was_made_in_another_way_meets_the_most_similar_and_nothing_is_left_out():
    """Of three ways of the base, none of the new side's two; each of these has one at one difference."""
    base = pl.concat([timed(FIVE), timed(FIVE, dtype="bfloat16"), timed(FIVE, threads=9, dtype="float16")])
    new = pl.concat([timed(FIVE, torch="3", dtype="bfloat16"), timed(FIVE, torch="3")])
    found = compare(base, new, Rule(force=True))
    assert {(one.cell["dtype"], one.verdict, one.note) for one in found} == {
        ("float32", "ok", "another torch (2.9 against 3)"),
        ("bfloat16", "ok", "another torch (2.9 against 3)"),
        ("float16", "inconclusive", "not in NEW"),
    }


def test_of_equally_similar_numbers_the_latest_is_compared():
    made = [
        timed([float(day)] * 5, threads=3 + place, created=datetime(2026, 1, day, tzinfo=UTC))
        for place, day in enumerate((1, 3, 2))
    ]
    found = compare(pl.concat(made), timed(FIVE), Rule(force=True))
    assert [one.base[0] for one in found if one.new] == [3.0]
    assert [one.verdict for one in found].count("inconclusive") == 2


def test_the_worst_comes_first():
    def lengths(*slow):
        rows = [row(run, "linear", slow[n] * FIVE[run], maxlen=2**n) for run in range(5) for n in range(3)]
        return table(*rows, *(row(run, "softmax", 1.0, maxlen=2**n) for run in range(5) for n in range(3)))

    found = compare(lengths(1, 1, 1), lengths(1, 1.2, 1.5), Rule())
    assert [(one.cell["maxlen"], one.verdict) for one in found] == [(4, "regression"), (2, "regression"), (1, "ok")]
