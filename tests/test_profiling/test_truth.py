"""Planted costs, through children as a profile has them: what `profile` says is what was planted.

Sleeps are long enough for waking up late to be a small part of them. A busy machine can only add time: what must be
exact is the fastest sample, and of the median, which is reported, only that it is not far above.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from linrec_cli.analysis import scaling
from linrec_cli.profiling import bench
from linrec_cli.settings import Profile

Row = dict[str, Any]
MIB = 2**20


def measure(planted: ModuleType, attn: tuple[str, ...], maxlen: tuple[int, ...], **more: Any) -> list[Row]:
    settings = Profile(attn=attn, maxlen=maxlen, phase=("step",), budget=0.4)
    return [row for rows in bench.run(settings, planted.build, **more) for row in rows]


def find(rows: list[Row], attn: str, metric: str) -> list[Row]:
    """List a mechanism's rows of a metric, the shortest length first."""
    return [row for row in rows if (row["attention"], row["metric"]) == (attn, metric)]


@pytest.fixture(scope="module")
def slow(planted: ModuleType) -> list[Row]:
    """A sleep of as many milliseconds as the length."""
    return find(measure(planted, ("slow",), (30, 60, 120)), "slow", "seconds")


@pytest.fixture(scope="module")
def large(alone: Callable[..., list[Row]]) -> list[Row]:
    """Blocks that grow with the length and with its square, and what is kept for a backward pass."""
    return alone("take", "square", "keep", maxlen=(32, 64, 128))


@pytest.fixture(scope="module")
def late(planted: ModuleType) -> list[Row]:
    """What goes wrong only when it is timed, beside one that goes well."""
    return measure(planted, ("sleep", "late-die", "second-die", "hoard"), (16,), cap=400 * MIB)


def test_the_time_of_a_sleep_is_found_within_5_percent(slow: list[Row]) -> None:
    for row in slow:
        planted = row["maxlen"] / 1000
        assert planted <= min(row["samples"]) <= 1.05 * planted
        assert planted <= row["value"] <= 1.5 * planted


def test_the_exponent_of_sleeps_is_found_within_0_05(slow: list[Row]) -> None:
    fastest = [row | {"samples": [min(row["samples"])]} for row in slow]
    (found,) = scaling.rows(fastest)
    assert found["value"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("attn", "bytes_"), [("take", lambda n: n * MIB), ("square", lambda n: n**2 // 64 * MIB)])
def test_the_bytes_of_a_block_are_found_within_two_mebibytes(large: list[Row], attn: str, bytes_: Any) -> None:
    assert len(find(large, attn, "peak_bytes")) == 3
    for row in find(large, attn, "peak_bytes"):
        assert row["value"] == pytest.approx(bytes_(row["maxlen"]), abs=2 * MIB)


@pytest.mark.parametrize(("attn", "exponent"), [("take", 1), ("square", 2)])
def test_the_exponent_of_blocks_is_found_within_0_05(large: list[Row], attn: str, exponent: int) -> None:
    (found,) = (row for row in scaling.rows(large) if (row["attention"], row["metric"]) == (attn, "memory_slope"))
    assert found["value"] == pytest.approx(exponent, abs=0.05)


def test_bytes_kept_and_operations_are_found_exactly(large: list[Row]) -> None:
    assert [row["value"] for row in find(large, "keep", "saved_bytes")] == [4000 * n for n in (32, 64, 128)]
    assert [row["value"] for row in find(large, "keep", "operations")] == [1000 * n for n in (32, 64, 128)]


@pytest.mark.parametrize(
    ("attn", "status", "note"),
    [
        ("late-die", "error", "ended by SIGSEGV"),
        ("second-die", "error", "ended by SIGSEGV"),
        ("hoard", "oom", "memory was capped at"),
    ],
)
def test_what_goes_wrong_only_when_it_is_timed_has_its_memory_and_says_why_it_has_no_time(
    late: list[Row], attn: str, status: str, note: str
) -> None:
    (peak,), (time,) = find(late, attn, "peak_bytes"), find(late, attn, "seconds")
    assert peak["status"] == "ok"
    assert time["status"] == status
    assert time["note"].startswith(note)
    assert "value" not in time


def test_beside_what_goes_wrong_the_rest_goes_on(late: list[Row]) -> None:
    (row,) = find(late, "sleep", "seconds")
    assert row["status"] == "ok"
    assert len(row["samples"]) > 3
