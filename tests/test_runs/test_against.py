"""`linrec profile --against BASE` measures what BASE did, and doubts what became worse until it is seen twice."""

from dataclasses import asdict, replace
from datetime import UTC, datetime

import polars as pl
import pytest

from linrec_cli.analysis.verdict import Rule
from linrec_cli.errors import DataError
from linrec_cli.results import schema, store
from linrec_cli.runs import against
from linrec_cli.settings import Profile

SETTINGS = Profile(attn=("softmax", "linear"), maxlen=(128, 512), phase=("step",), tokens=1024, threads=3)
CELL = {"command": "profile", "model": "sasrec", "width": 64, "heads": 2, "layers": 2, "tokens": 1024, "unit": "s",
        "metric": "seconds", "device": "cpu x", "dtype": "float32", "threads": 3, "torch": "2.9", "phase": "step",
        "status": "ok", "benchmark": schema.BENCHMARK}  # fmt: skip
NOISE = [1.00, 1.01, 1.02, 1.01, 1.00]


def rows(share, lengths=(128, 512), **more):
    """Make five runs in which `linear` takes the share given of softmax's time."""
    return [
        CELL | {"attention": name, "value": value, "maxlen": maxlen, "run": f"run-{run}"} | more
        for run, noise in enumerate(NOISE) for name, value in (("softmax", 0.2), ("linear", 0.2 * share * noise))
        for maxlen in lengths
    ]  # fmt: skip


@pytest.fixture
def base(tmp_path):
    for run in range(len(NOISE)):
        mine = [row for row in rows(1.5) if row["run"] == f"run-{run}"]
        folder = store.folder(tmp_path, f"run-{run}")
        store.write_frame(schema.table({}, mine), folder / store.TABLE)
        store.write_settings(asdict(SETTINGS), folder / store.SETTINGS)
    return tmp_path


def judge(base, *answers, rule=None):
    """Judge what comes out of sweeps; give the verdicts, first and last, and the settings each was asked for with."""
    asked, left = [], list(answers)

    def measured(settings):
        asked.append(settings)
        return left.pop(0)

    found = list(against.judge(base, SETTINGS, measured, rule))
    assert not left
    return found, asked


def words(verdicts):
    return {(one.cell["maxlen"], one.verdict) for one in verdicts}


def test_what_is_unchanged_is_measured_once(base):
    (verdicts,), asked = judge(base, rows(1.5))
    assert asked == [SETTINGS]
    assert words(verdicts) == {(128, "ok"), (512, "ok")}


def test_a_slowdown_that_fresh_runs_confirm_is_a_regression(base):
    (first, last), asked = judge(base, rows(1.8), rows(1.8))
    assert asked == [SETTINGS, SETTINGS]
    assert words(first) == words(last) == {(128, "regression"), (512, "regression")}
    assert all(one.note.startswith("confirmed by 5 fresh runs") for one in last)


def test_a_slowdown_that_fresh_runs_do_not_show_is_not(base):
    slow = rows(1.8, (512,)) + rows(1.5, (128,))
    (first, last), asked = judge(base, slow, rows(1.5, (512,)))
    # Only what is doubted is measured again.
    assert asked == [SETTINGS, replace(SETTINGS, maxlen=(512,))]
    assert words(first) == {(128, "ok"), (512, "regression")}
    assert words(last) == {(128, "ok"), (512, "inconclusive")}


def test_what_base_alone_has_was_not_asked_for(base):
    (verdicts,), _ = judge(base, rows(1.5, (512,)))
    assert words(verdicts) == {(512, "ok")}


def test_what_is_cleared_by_fresh_runs_stands_behind_what_is_confirmed(base):
    """At 128 the rise is the greater one, and not confirmed."""
    (first, last), _ = judge(base, rows(2.4, (128,)) + rows(1.8, (512,)), rows(1.5, (128,)) + rows(1.8, (512,)))
    assert [one.cell["maxlen"] for one in first if one.verdict == "regression"] == [128, 512]
    assert [(one.cell["maxlen"], one.verdict) for one in last] == [(512, "regression"), (128, "inconclusive")]


def test_of_another_dtype_base_was_not_asked_for(base):
    half = [row | {"dtype": "bfloat16"} for row in rows(1.5)]
    for run in range(len(NOISE)):
        path = base / "runs" / f"run-{run}" / store.TABLE
        more = schema.table({}, [row for row in half if row["run"] == f"run-{run}"])
        store.write_frame(pl.concat([store.read_table(path), more]), path)
    (verdicts,), _ = judge(base, rows(1.5))
    assert [one.cell["dtype"] for one in verdicts] == ["float32"] * 2


@pytest.mark.parametrize(
    ("attn", "kept", "expected"),
    [(("softmax", "linear"), ["softmax", "linear"], "softmax"), (("linear",), ["softmax", "linear"], ""),
     (("softmax", "linear"), ["linear"], "")],
)  # fmt: skip
def test_times_are_multiples_of_softmax_where_both_sides_have_it(base, attn, kept, expected):
    for path in store.tables(base):
        store.write_frame(store.read_table(path).filter(pl.col("attention").is_in(kept)), path)
    assert against.yardstick(base, replace(SETTINGS, attn=attn)) == expected


def test_the_rule_is_that_of_who_asks(base):
    (verdicts,), _ = judge(base, rows(1.8), rule=Rule(time=0.5))
    assert words(verdicts) == {(128, "ok"), (512, "ok")}


def test_another_machine_cannot_be_judged(base):
    (verdicts,), _ = judge(base, rows(1.5, device="cpu y"))
    assert {one.verdict for one in verdicts} == {"incomparable"}


def test_the_settings_are_those_of_base_but_for_what_is_given(base):
    mine = Profile(maxlen=(64,), budget=1.0)
    found = against.like(base, mine, {"maxlen", "budget"})
    assert found == replace(SETTINGS, maxlen=(64,), budget=1.0)
    batch = against.like(base, replace(mine, batch=4, tokens=0), {"batch"})
    assert (batch.batch, batch.tokens, batch.maxlen) == (4, 0, (128, 512))


def test_what_an_older_linrec_wrote_as_one_value_is_a_list_today(base):
    for path in base.glob(f"**/{store.SETTINGS}"):
        store.write_settings(store.read_settings(path) | {"model": "sasrec", "dtype": "float32"}, path)
    assert against.like(base, Profile(), ()) == SETTINGS


def test_the_latest_profile_of_base_counts(base):
    newest = schema.table({"run": "new", "created": datetime(2030, 1, 1, tzinfo=UTC)}, rows(1.5)[:1])
    store.write_frame(newest.with_columns(run=pl.lit("new")), store.folder(base, "new") / store.TABLE)
    store.write_settings(asdict(replace(SETTINGS, budget=7.0)), store.folder(base, "new") / store.SETTINGS)
    assert against.like(base, Profile(), ()) == replace(SETTINGS, budget=7.0)


def test_a_base_without_settings_says_so(base):
    for path in base.glob(f"**/{store.SETTINGS}"):
        path.unlink()
    with pytest.raises(DataError, match="no settings beside the table"):
        against.like(base, Profile(), ())


def test_a_base_without_a_profile_says_how_to_make_one(tmp_path):
    store.write_frame(
        schema.table(
            {"command": "train", "run": "a", "attention": "x", "maxlen": 8, "seed": 0},
            [{"metric": "ndcg", "value": 1.0}],
        ),
        tmp_path / "runs" / "a" / store.TABLE,
    )
    with pytest.raises(DataError, match="linrec profile --runs 5"):
        against.like(tmp_path, SETTINGS, ())
