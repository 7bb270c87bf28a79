"""`linrec profile --against BASE` measures what BASE did, and doubts what became worse until it is seen twice."""

from dataclasses import asdict, replace

import pytest

from linrec_cli.errors import DataError, NothingMeasuredError, RegressionError
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


def judge(base, *answers):
    """Judge what comes out of sweeps; give the settings each was asked for with."""
    asked, left = [], list(answers)

    def measured(settings):
        asked.append(settings)
        return left.pop(0)

    try:
        against.judge(base, SETTINGS, measured, as_json=False)
    finally:
        assert not left
    return asked


def test_what_is_unchanged_is_measured_once(base, capsys):
    assert judge(base, rows(1.5)) == [SETTINGS]
    assert capsys.readouterr().out.endswith("Of 2 numbers, 0 worse, 2 unchanged as far as can be seen.\n")


def test_a_slowdown_that_fresh_runs_confirm_is_a_regression(base, capsys):
    with pytest.raises(RegressionError, match="2 became worse"):
        judge(base, rows(1.8), rows(1.8))
    assert "2 may have become worse" in capsys.readouterr().err


def test_a_slowdown_that_fresh_runs_do_not_show_is_not(base, capsys):
    slow = rows(1.8, (512,)) + rows(1.5, (128,))
    first, second = judge(base, slow, rows(1.5, (512,)))
    assert first == SETTINGS
    assert second == replace(SETTINGS, maxlen=(512,))
    shown = capsys.readouterr()
    assert "inconclusive" in shown.out
    assert "not confirmed by 5 fresh runs: +0.0%, ok" in shown.err


def test_what_base_alone_has_was_not_asked_for(base, capsys):
    judge(base, rows(1.5, (512,)))
    assert "Of 1 number, 0 worse" in capsys.readouterr().out


def test_another_machine_cannot_be_judged(base):
    with pytest.raises(NothingMeasuredError, match="another device"):
        judge(base, rows(1.5, device="cpu y"))


def test_the_settings_are_those_of_base_but_for_what_is_given(base):
    mine = Profile(maxlen=(64,), budget=1.0)
    found = against.like(base, mine, {"maxlen", "budget"})
    assert found == replace(SETTINGS, maxlen=(64,), budget=1.0)
    batch = against.like(base, replace(mine, batch=4, tokens=0), {"batch"})
    assert (batch.batch, batch.tokens, batch.maxlen) == (4, 0, (128, 512))


def test_a_base_without_a_profile_says_how_to_make_one(tmp_path):
    store.write_frame(schema.table({"command": "train"}, [{"value": 1.0}]), tmp_path / "runs" / "a" / store.TABLE)
    with pytest.raises(DataError, match="linrec profile --runs 5"):
        against.like(tmp_path, SETTINGS, ())
