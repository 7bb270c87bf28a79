"""Planted costs are found, and whatever goes wrong in a cell is a row while the rest goes on."""

import psutil
import pytest

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.profiling import bench
from linrec_cli.profiling import clock, interleave, isolate
from linrec_cli.profiling.cell import cells
from linrec_cli.profiling.footprint import Footprint, footprint
from linrec_cli.profiling.nvml import Reading
from linrec_cli.profiling.tries import Tries
from linrec_cli.settings import Profile

MIB = 2**20


def measure(planted, attn, maxlen=(16,), phase=("step",), budget=1.0, **more):
    settings = Profile(attn=attn, maxlen=maxlen, phase=phase, budget=budget)
    return [row for rows in bench.run(settings, planted.build, **more) for row in rows]


def find(rows, attn, metric, phase="step", maxlen=16):
    wanted = (attn, metric, phase, maxlen)
    (row,) = (r for r in rows if (r["attention"], r["metric"], r["phase"], r["maxlen"]) == wanted)
    return row


@pytest.fixture(scope="module")
def rows(planted):
    """Every kind of cell."""
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


def test_what_takes_nothing_has_no_peak_of_zero(rows):
    """A few pages may come in all the same."""
    row = find(rows, "sleep", "peak_bytes")
    if row["status"] == "ok":
        assert 0 < row["value"] < 2 * MIB
    else:
        assert (row["status"], "value" in row) == ("skipped", False)
        assert "below what the counter `rss` can tell" in row["note"]


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


@pytest.mark.parametrize(("counts", "status"), [((7, 7), "error"), ((7, 8), "oom"), ((None, None), "oom")])
def test_a_child_that_was_killed_ran_out_of_memory_only_if_the_kernel_says_so(monkeypatch, counts, status):
    told = iter(counts)
    monkeypatch.setattr(isolate, "kills", lambda: next(told))
    child = isolate.Child(clock.measure)
    child.process.kill()
    answer = child.died()
    child.stop()
    assert answer.status == status
    assert "SIGKILL" in answer.note


def test_more_than_the_cap_is_a_row_that_names_the_cap(rows):
    assert find(rows, "long", "seconds")["status"] == "ok"
    row = find(rows, "long", "peak_bytes", maxlen=64)
    assert row["status"] == "oom"
    assert row["note"].startswith("memory was capped at 300 MiB")
    # The limit is what its peak is at least.
    assert row["low"] == 300 * MIB


def test_longer_lengths_are_skipped_after_a_timeout_but_not_after_a_crash(rows):
    assert find(rows, "hang", "seconds", maxlen=64)["status"] == "skipped"
    assert find(rows, "hang", "seconds", maxlen=64)["note"] == "timeout at length 16"
    assert find(rows, "fail", "seconds", maxlen=64)["status"] == "error"


def test_every_cell_has_a_row_of_each_metric_measured_or_not(rows):
    metrics = {"seconds", "peak_bytes", "operations", "bytes_moved", "saved_bytes"}
    metrics |= {"flops_per_second", "bytes_per_second"}
    for attn in ("sleep", "hang", "die", "leave", "fail", "long", "take"):
        for maxlen in (16, 64):
            mine = [row for row in rows if (row["attention"], row["maxlen"]) == (attn, maxlen)]
            assert {row["metric"] for row in mine} == metrics
            times = {row["status"] for row in mine if row["metric"] in ("seconds", "flops_per_second")}
            assert len(times) == 1


def test_each_cell_has_processes_of_its_own(rows):
    measured = [row["process"] for row in rows if row["status"] == "ok" and row["metric"] in ("seconds", "peak_bytes")]
    assert len(set(measured)) == len(measured)


def test_force_tries_longer_lengths_all_the_same(planted):
    rows = measure(planted, ("long",), (64, 128), cap=300 * MIB, force=True)
    assert {(row["maxlen"], row["status"]) for row in rows} == {(64, "oom"), (128, "oom")}


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


def test_a_profile_that_is_left_kills_its_children(planted):
    settings = Profile(attn=("sleep", "take"), maxlen=(16,), phase=("step",), budget=1.0)
    running = bench.run(settings, planted.build)
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
    (group,) = cells(Profile(attn=("a", "b", "c"), maxlen=(1,), phase=("step",)))
    known = [Footprint(cell, 40.0) for cell in group]
    assert [len(group) for group in bench.fitting(known, 100)] == [2, 1]
    assert [len(group) for group in bench.fitting(known, 10)] == [1, 1, 1]
    assert [len(group) for group in bench.fitting(known, 0)] == [3]


def test_a_cap_is_shared_by_need():
    assert interleave.share(100, [10.0, 30.0]) == [40, 60]
    assert interleave.share(100, [10.0]) == [100]


def test_what_runs_out_at_one_size_is_tried_at_another(planted):
    settings = Profile(attn=("long",), maxlen=(64, 128), phase=("step",), heads=(1, 2), budget=1.0)
    rows = [row for rows in bench.run(settings, planted.build, cap=300 * MIB) for row in rows]
    found = {(row["maxlen"], row["heads"]): row["status"] for row in rows}
    assert found == {(64, 1): "oom", (64, 2): "oom", (128, 1): "skipped", (128, 2): "skipped"}


@pytest.mark.parametrize(
    ("attn", "maxlen", "force", "reason"),
    [
        ("softmax-naive", 2048, False, ""),
        ("softmax-naive", 2049, False, "it stops at 2,048; --force goes on"),
        ("softmax-naive", 2049, True, ""),
        ("softmax", 4096, False, ""),
    ],
)
def test_unfused_softmax_stops_unless_it_is_forced(planted, attn, maxlen, force, reason):
    tries = Tries(Profile(), planted.build, cap=0, force=force)
    (cell,) = next(cells(Profile(attn=(attn,), maxlen=(maxlen,), phase=("step",))))
    assert tries.barred(cell) == reason
    if reason:
        rows, known = footprint(tries, cell)
        assert known is None
        assert {(row["status"], row["note"]) for row in rows} == {("skipped", reason)}


def test_what_is_kept_for_the_backward_pass_is_exact(planted):
    """Torch's softmax: queries, keys and values, the output, and a logarithm a row and head, in float32."""
    from linrec_cli.profiling.build import build

    settings = Profile(attn=("softmax",), maxlen=(16,), tokens=64, width=(8,), phase=("attention",), budget=0.1)
    rows = [row for rows in bench.run(settings, build) for row in rows]
    row = find(rows, "softmax", "saved_bytes", "attention")
    assert (row["value"], row["unit"], row["form"]) == (4 * 64 * (3 * 8 + 8 + 2), "B", "causal")


def test_ceilings_come_first_and_shares_with_them(planted):
    settings = Profile(attn=("take",), maxlen=(16,), phase=("step",), budget=0.2)
    found = list(bench.run(settings, planted.build, ceilings=True))
    assert [(row["phase"], row["stage"], row["status"]) for row in found[0]] == [
        ("machine", "copy", "ok"),
        ("machine", "matmul", "ok"),
    ]
    ceiling = {row["stage"]: row["value"] for row in found[0]}
    rates = {row["metric"]: row["value"] for row in found[-1]}
    # Filling memory is no arithmetic.
    assert rates["roofline_share"] == pytest.approx(rates["bytes_per_second"] / ceiling["copy"])


class Gpu:
    """One that tells of another process from its third reading on."""

    def __init__(self):
        self.asked = 0

    def reading(self):
        self.asked += 1
        return Reading(1e9, 50.0, int(self.asked > 2))


class Ready:
    """A child that always has one sample, a tenth of a second, in which it was put aside some times."""

    def __init__(self, *aside):
        self.left = [0, *aside]  # The warm-up comes first.

    @property
    def aside(self):
        return self.left.pop(0) if self.left else 0

    def answer(self, seconds):
        return isolate.Answer("ok")

    def ask(self, message, seconds):
        return isolate.Answer("ok", {"step": 3.0} if message is None else ([{"step": 0.1}], self.aside, 0.1))


def test_a_time_beside_another_process_on_the_gpu_is_contended_and_its_energy_is_asked_for():
    (cell,) = next(cells(Profile(attn=("a",), maxlen=(1,), phase=("step",))))
    timed, gpu = interleave.Timed(cell, Ready(), 1), Gpu()
    interleave.warm(timed, 1.0)
    interleave.take(timed, 1.0, gpu)
    # Once before the first turn, and after each.
    assert (gpu.asked, timed.contended) == (2, False)
    interleave.take_turns([timed], 1.0, gpu)
    assert (len(timed.readings), timed.contended, timed.joules) == (2 + interleave.TURNS, True, {"step": 3.0})


@pytest.mark.parametrize(("aside", "contended"), [((9, 1, 1, 1, 1), False), ((9, 9, 9, 9, 1), True)])
def test_a_time_is_contended_by_how_often_it_was_put_aside_over_all_its_turns(aside, contended):
    (cell,) = next(cells(Profile(attn=("a",), maxlen=(1,), phase=("step",), threads=1)))
    timed = interleave.Timed(cell, Ready(*aside), 1)
    interleave.take_turns([timed], 10.0, None)
    assert (timed.aside, timed.ran, timed.contended) == (sum(aside), pytest.approx(0.5), contended)


def test_without_the_extra_a_row_says_what_is_not_read(planted, monkeypatch):
    def absent(device):
        raise NothingMeasuredError("pip install it")

    monkeypatch.setattr(bench.nvml, "opened", absent)
    (first,) = list(bench.machine(bench.Bench(Tries(Profile(), planted.build, 0))))
    assert [(row["phase"], row["status"], row["note"]) for row in first] == [("machine", "skipped", "pip install it")]
