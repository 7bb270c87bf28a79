"""Planted costs are found, and whatever goes wrong in a cell is a row while the rest goes on."""

import psutil
import pytest

from linrec_cli.profiling import clock, isolate, sweep
from linrec_cli.profiling.cell import Cell
from linrec_cli.settings import Profile

MIB = 2**20


def measure(planted, attn, maxlen=(16,), phase=("step",), budget=1.0, **more):
    settings = Profile(attn=attn, maxlen=maxlen, phase=phase, budget=budget)
    return [row for rows in sweep.run(settings, planted.build, **more) for row in rows]


def find(rows, attn, metric, phase="step", maxlen=16):
    wanted = (attn, metric, phase, maxlen)
    (row,) = (r for r in rows if (r["attention"], r["metric"], r["phase"], r["maxlen"]) == wanted)
    return row


@pytest.fixture(scope="module")
def rows(planted):
    """One sweep over every kind of cell."""
    attn = ("sleep", "hang", "die", "leave", "fail", "long", "take")
    return measure(planted, attn, (16, 64), cap=300 * MIB)


def test_a_planted_sleep_is_the_time(planted, rows):
    row = find(rows, "sleep", "seconds")
    assert planted.SLEEP <= row["value"] < 2 * planted.SLEEP
    assert row["low"] <= row["value"] <= row["high"]
    assert row["unit"] == "s"
    assert len(row["samples"]) > 3


def test_a_planted_allocation_is_the_peak_within_two_mebibytes(rows):
    for maxlen in (16, 64):
        row = find(rows, "take", "peak_bytes", maxlen=maxlen)
        assert row["value"] == pytest.approx(maxlen * MIB, abs=2 * MIB)
        assert (row["unit"], row["stage"]) == ("B", "rss")


def test_what_takes_nothing_has_no_peak(rows):
    assert find(rows, "sleep", "peak_bytes")["value"] < 2 * MIB


@pytest.mark.parametrize(
    ("attn", "status", "note"),
    [
        ("hang", "timeout", "no answer within 6 s"),
        ("die", "error", "ended by SIGSEGV"),
        ("leave", "error", "ended with exit code 7: libplanted: no more threads"),
        ("fail", "error", "ValueError: the planted mistake"),
    ],
)
def test_what_goes_wrong_is_a_row_that_says_why(rows, attn, status, note):
    for metric in ("seconds", "peak_bytes"):
        row = find(rows, attn, metric)
        assert (row["status"], row["note"]) == (status, note)
        assert "value" not in row


def test_more_than_the_cap_is_a_row_that_names_the_cap(rows):
    assert find(rows, "long", "seconds")["status"] == "ok"
    row = find(rows, "long", "peak_bytes", maxlen=64)
    assert row["status"] == "oom"
    assert row["note"].startswith("memory was capped at 300 MiB")


def test_longer_lengths_are_skipped_after_a_timeout_but_not_after_a_crash(rows):
    assert find(rows, "hang", "seconds", maxlen=64)["status"] == "skipped"
    assert find(rows, "hang", "seconds", maxlen=64)["note"] == "timeout at length 16"
    assert find(rows, "fail", "seconds", maxlen=64)["status"] == "error"


def test_every_cell_has_its_rows(rows):
    assert len(rows) == 7 * 2 * 2


def test_each_cell_has_processes_of_its_own(rows):
    measured = [row["process"] for row in rows if row["status"] == "ok"]
    assert len(set(measured)) == len(measured)


def test_force_tries_longer_lengths_all_the_same(planted):
    rows = measure(planted, ("long",), (64, 128), cap=300 * MIB, force=True)
    assert [row["status"] for row in rows] == ["oom"] * 4


def test_blocks_that_were_freed_do_not_count(planted):
    row = find(measure(planted, ("holes",)), "holes", "peak_bytes")
    assert row["value"] == pytest.approx(32 * MIB, abs=2 * MIB)


def test_the_layer_is_its_forward_and_its_backward(planted):
    rows = measure(planted, ("take",), phase=("attention",))
    parts = [find(rows, "take", "seconds", phase) for phase in ("forward", "backward", "attention")]
    forward, backward, whole = (part["samples"] for part in parts)
    assert whole == [a + b for a, b in zip(forward, backward, strict=True)]
    assert parts[1]["value"] >= planted.SLEEP
    peaks = [find(rows, "take", "peak_bytes", phase)["value"] for phase in ("forward", "backward", "attention")]
    assert peaks[2] == max(peaks[:2])
    assert peaks[1] < 2 * MIB < peaks[0]


def test_a_sweep_that_is_left_kills_its_children(planted):
    settings = Profile(attn=("sleep", "take"), maxlen=(16,), phase=("step",), budget=1.0)
    running = sweep.run(settings, planted.build)
    before = len(processes())
    while next(running)[0]["metric"] != "seconds":
        pass
    assert len(processes()) == before + 2
    running.close()
    assert len(processes()) == before


def processes():
    """List what runs below us, the fork server and its helper aside from the first call on."""
    isolate.Child(clock.measure).stop()
    return psutil.Process().children(recursive=True)


def test_cells_that_do_not_fit_side_by_side_take_turns_apart():
    cells = [Cell("step", name, 1, "", 1, 1, 1, 1, 1, 0, "cpu", "float32", 1) for name in "abc"]
    known = [(cell, 40.0, None) for cell in cells]
    assert [len(group) for group in sweep.fitting(known, 100)] == [2, 1]
    assert [len(group) for group in sweep.fitting(known, 10)] == [1, 1, 1]
    assert [len(group) for group in sweep.fitting(known, 0)] == [3]


def test_a_cap_is_shared_by_need():
    assert sweep.share(100, [10.0, 30.0]) == [40, 60]
    assert sweep.share(100, [10.0]) == [100]
