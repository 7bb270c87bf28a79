"""Planted costs, through the children of a real sweep: what `profile` says is what was planted.

Sleeps are of 50 ms and more, so that waking up late is a small part of them. A busy machine can only add
time: what must be exact is the fastest sample, and of the median, which is reported, only that it is not far above.
"""

import pytest

from linrec_cli.analysis import scaling
from linrec_cli.profiling import bench
from linrec_cli.settings import Profile

MIB = 2**20


def measure(planted, attn, maxlen, budget, **more):
    settings = Profile(attn=attn, maxlen=maxlen, phase=("step",), budget=budget)
    return [row for rows in bench.run(settings, planted.build, **more) for row in rows]


def find(rows, attn, metric):
    """List a mechanism's rows of a metric, the shortest length first."""
    return [row for row in rows if (row["attention"], row["metric"]) == (attn, metric)]


@pytest.fixture(scope="module")
def slow(planted):
    """A sleep of as many milliseconds as the length."""
    return find(measure(planted, ("slow",), (50, 100, 200), budget=1.0), "slow", "seconds")


@pytest.fixture(scope="module")
def large(planted):
    """Blocks that grow with the length and with its square, and what is kept for a backward pass."""
    return measure(planted, ("take", "square", "keep"), (32, 64, 128), budget=0.2)


@pytest.fixture(scope="module")
def late(planted):
    """What goes wrong only when it is timed, beside one that goes well."""
    return measure(planted, ("sleep", "late-hang", "late-die", "hoard"), (16, 32), budget=1.0, cap=600 * MIB)


def test_the_time_of_a_sleep_is_found_within_5_percent(slow):
    for row in slow:
        planted = row["maxlen"] / 1000
        assert planted <= min(row["samples"]) <= 1.05 * planted
        assert planted <= row["value"] <= 1.5 * planted


def test_the_exponent_of_sleeps_is_found_within_0_05(slow):
    fastest = [row | {"samples": [min(row["samples"])]} for row in slow]
    (found,) = scaling.rows(fastest)
    assert found["value"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("attn", "bytes_"), [("take", lambda n: n * MIB), ("square", lambda n: n**2 // 64 * MIB)])
def test_the_bytes_of_a_block_are_found_within_two_mebibytes(large, attn, bytes_):
    for row in find(large, attn, "peak_bytes"):
        assert row["value"] == pytest.approx(bytes_(row["maxlen"]), abs=2 * MIB)


@pytest.mark.parametrize(("attn", "exponent"), [("take", 1), ("square", 2)])
def test_the_exponent_of_blocks_is_found_within_0_05(large, attn, exponent):
    (found,) = (row for row in scaling.rows(large) if (row["attention"], row["metric"]) == (attn, "memory_slope"))
    assert found["value"] == pytest.approx(exponent, abs=0.05)


def test_bytes_kept_and_operations_are_found_exactly(large):
    for row in find(large, "keep", "saved_bytes"):
        assert row["value"] == 4 * 1000 * row["maxlen"]
    for row in find(large, "keep", "operations"):
        assert row["value"] == 1000 * row["maxlen"]


@pytest.mark.parametrize(
    ("attn", "status", "note"),
    [
        ("late-hang", "timeout", "no answer within"),
        ("late-die", "error", "ended by SIGSEGV"),
        ("hoard", "oom", "memory was capped at"),
    ],
)
def test_what_goes_wrong_only_when_it_is_timed_has_its_memory_and_says_why_it_has_no_time(late, attn, status, note):
    assert find(late, attn, "peak_bytes")[0]["status"] == "ok"
    time = find(late, attn, "seconds")[0]
    assert time["status"] == status
    assert time["note"].startswith(note)
    assert "value" not in time


def test_beside_what_goes_wrong_the_rest_goes_on(late):
    rows = find(late, "sleep", "seconds")
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert all(len(row["samples"]) > 3 for row in rows)


@pytest.mark.parametrize("attn", ["second-die", "later-die"])
def test_a_crash_after_a_first_answer_is_a_row_and_not_the_end(planted, attn):
    rows = measure(planted, (attn, "sleep"), (16, 32), budget=1.0)
    assert [row["status"] for row in find(rows, "sleep", "seconds")] == ["ok", "ok"]
    for row in find(rows, attn, "seconds"):
        assert (row["status"], row["note"]) == ("error", "ended by SIGSEGV")
    assert [row["status"] for row in find(rows, attn, "peak_bytes")] == ["ok", "ok"]
