"""Rows follow from what was measured as worked out by hand."""

import pytest

from linrec_cli.profiling import rows
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.clock import Sample
from linrec_cli.profiling.count import Count
from linrec_cli.profiling.isolate import Answer
from linrec_cli.profiling.nvml import Reading
from linrec_cli.profiling.roofline import Ceiling
from linrec_cli.results import schema


def cell(phase):
    return Cell(phase, "linear", 16, "sasrec", 64, 8, 2, 2, 50, 0, "cpu", "float32", 1)


def where(found):
    return [(row["phase"], row.get("stage"), row["metric"], row.get("value")) for row in found]


def test_the_layer_is_its_two_parts_and_a_part_may_stand_alone():
    samples = [{"forward": 1.0, "backward": 3.0}, {"forward": 3.0, "backward": 5.0}, {"forward": 2.0, "backward": 4.0}]
    kernels = dict.fromkeys(("forward", "backward"), "eager")
    found = rows.seconds(cell("attention"), samples, kernels, process=7)
    assert where(found) == [("forward", None, "seconds", 2.0), ("backward", None, "seconds", 4.0),
                            ("attention", None, "seconds", 6.0)]  # fmt: skip
    assert found[2]["samples"] == [4.0, 8.0, 6.0]
    assert {(row["kernel"], row["process"], row["unit"]) for row in found} == {("eager", 7, "s")}
    assert where(rows.seconds(cell("backward"), samples, kernels)) == [("backward", None, "seconds", 4.0)]


def test_the_ways_to_serve_stand_apart_with_their_own_kernels():
    samples, kernels = (
        [{"recurrence": 1.0, "recomputation": 3.0}],
        {"recurrence": "eager", "recomputation": "sdpa.math"},
    )
    found = rows.seconds(cell("serve"), samples, kernels)
    assert where(found) == [("serve", "recurrence", "seconds", 1.0), ("serve", "recomputation", "seconds", 3.0)]
    assert [row["kernel"] for row in found] == ["eager", "sdpa.math"]
    found = rows.peaks(cell("serve"), {"recurrence": {"rss": 1.0}, "recomputation": {"rss": 2.0}}, kernels, 1)
    assert [row["stage"] for row in found] == ["recurrence.rss", "recomputation.rss"]


def test_the_peak_of_the_layer_is_the_higher_of_its_parts():
    peaks = {"forward": {"allocated": 5.0, "device": 6.0}, "backward": {"allocated": 4.0, "device": 9.0}}
    found = rows.peaks(cell("attention"), peaks, {}, 1)
    assert where(found)[-2:] == [
        ("attention", "allocated", "peak_bytes", 5.0),
        ("attention", "device", "peak_bytes", 9.0),
    ]


@pytest.mark.parametrize(
    ("counter", "note"),
    [
        ("rss", "the peak of forward is below what the counter `rss` can tell, 2 MiB"),
        ("allocated", "the peak of forward is below what the counter `allocated` can tell"),
    ],
)
def test_a_peak_of_nothing_is_no_measurement_and_says_why(counter, note):
    found = rows.peaks(cell("attention"), {"forward": {counter: 0.0}, "backward": {counter: 5.0}}, {}, 1)
    assert [(row["phase"], row["status"], row.get("value")) for row in found] == [
        ("forward", "skipped", None), ("backward", "ok", 5.0), ("attention", "ok", 5.0),
    ]  # fmt: skip
    assert found[0]["note"] == note
    assert "samples" not in found[0]
    nothing = rows.peaks(cell("serve"), {"cache": {counter: 0.0}}, {"cache": "eager"}, 1)
    assert [(row["status"], row["stage"], row["kernel"]) for row in nothing] == [
        ("skipped", f"cache.{counter}", "eager")
    ]


def test_a_time_is_the_median_between_the_quantiles_at_20_and_80_percent():
    samples = [{"step": value} for value in (5.0, 1.0, 1000.0, 2.0, 3.0, 4.0)]
    (row,) = rows.seconds(cell("step"), samples, {})
    assert (row["low"], row["value"], row["high"]) == pytest.approx((2.0, 3.5, 5.0))
    assert row["samples"] == [5.0, 1.0, 1000.0, 2.0, 3.0, 4.0]


def halves(forward, backward, late=()):
    """A run of the layer on a GPU, of whose halves the host waits three and five times as long."""
    return Sample({"forward": forward, "backward": backward}, {"forward": 3 * forward, "backward": 5 * backward},
                  frozenset(late))  # fmt: skip


def test_a_gpu_has_a_time_of_its_own_and_one_of_its_host_and_a_cpu_has_one():
    found = rows.times(cell("attention"), [halves(1.0, 2.0), halves(3.0, 4.0)], {"forward": "eager"}, process=7)
    assert where(found) == [
        ("forward", None, "seconds", 2.0), ("backward", None, "seconds", 3.0), ("attention", None, "seconds", 5.0),
        ("forward", None, "wall_seconds", 6.0), ("backward", None, "wall_seconds", 15.0),
        ("attention", None, "wall_seconds", 21.0),
    ]  # fmt: skip
    assert found[5]["samples"] == [13.0, 29.0]
    assert {(row["unit"], row["process"], row.get("note")) for row in found} == {("s", 7, None)}
    assert where(rows.times(cell("step"), [Sample({"step": 2.0})], {})) == [("step", None, "seconds", 2.0)]


@pytest.mark.parametrize("late", ["forward", "backward"])
def test_a_time_that_has_launches_in_it_says_so_and_so_does_the_whole(late):
    found = rows.times(cell("attention"), [halves(1.0, 2.0), halves(1.0, 2.0, [late]), halves(1.0, 2.0)], {})
    assert {(row["phase"], row["metric"]) for row in found if row.get("note") == rows.LATE} == {
        (late, "seconds"), ("attention", "seconds"),
    }  # fmt: skip
    ways = Sample({"recurrence": 1.0, "cache": 2.0}, {"recurrence": 1.0, "cache": 2.0}, frozenset(["cache"]))
    noted = [row["stage"] for row in rows.times(cell("serve"), [ways], {}) if "note" in row]
    assert noted == ["cache"]


def test_work_is_done_in_the_gpu_s_time_and_users_wait_for_the_host_s():
    samples = [Sample({"evaluate": 2.0}, {"evaluate": 4.0})]
    times = rows.times(cell("evaluate"), samples, {})
    found = {row["metric"]: row["value"] for row in rows.rates(cell("evaluate"), times, {"evaluate": Count(40, 8, 0)},
             Ceiling(bytes=100.0, operations=50.0))}  # fmt: skip
    assert found == {"flops_per_second": 20.0, "bytes_per_second": 4.0, "roofline_share": 0.4, "users_per_second": 1.0}
    assert len([*rows.rates(cell("evaluate"), times, {"evaluate": Count(40, 8, 0)}, None)]) == 3


def test_work_adds_up_and_what_is_kept_is_said_of_the_whole():
    counts = {"forward": Count(10, 100, 7), "backward": Count(20, 300, 0)}
    assert where(rows.counted(cell("attention"), counts, {}, 1)) == [
        ("forward", None, "operations", 10.0),
        ("forward", None, "bytes_moved", 100.0),
        ("backward", None, "operations", 20.0),
        ("backward", None, "bytes_moved", 300.0),
        ("attention", None, "operations", 30.0),
        ("attention", None, "bytes_moved", 400.0),
        ("attention", None, "saved_bytes", 7.0),
    ]
    assert [row["metric"] for row in rows.counted(cell("evaluate"), {"evaluate": Count(1, 1, 0)}, {}, 1)] == [
        "operations",
        "bytes_moved",
    ]


def test_rates_divide_work_by_the_median_and_by_the_quantiles():
    seconds = rows.seconds(cell("step"), [{"step": value} for value in (1.0, 2.0, 4.0)], {})
    found = {row["metric"]: row for row in rows.rates(cell("step"), seconds, {"step": Count(40, 8, 0)}, None)}
    assert list(found) == ["flops_per_second", "bytes_per_second"]
    low, high = seconds[0]["low"], seconds[0]["high"]
    assert found["flops_per_second"]["value"] == 20.0
    assert (found["bytes_per_second"]["low"], found["bytes_per_second"]["high"]) == (8 / high, 8 / low)
    assert found["bytes_per_second"]["unit"] == "B/s"


@pytest.mark.parametrize(
    ("ceiling", "share"),
    [
        # Forty operations on eight bytes in two seconds. Multiplying is the ceiling: 20 of 50 a second.
        (Ceiling(bytes=100.0, operations=50.0), 20 / 50),
        # Copying is: 4 of 5 bytes a second.
        (Ceiling(bytes=5.0, operations=1000.0), 4 / 5),
        # Both at once: five operations a byte.
        (Ceiling(bytes=10.0, operations=50.0), 4 / 10),
    ],
)
def test_the_share_is_that_of_the_lower_ceiling(ceiling, share):
    seconds = rows.seconds(cell("step"), [{"step": 2.0}], {})
    found = [*rows.rates(cell("step"), seconds, {"step": Count(40, 8, 0)}, ceiling)]
    assert (found[-1]["metric"], found[-1]["value"]) == ("roofline_share", pytest.approx(share))


def test_users_a_second_are_those_of_the_batch():
    for phase, stage in (("evaluate", None), ("serve", "recurrence")):
        seconds = rows.seconds(cell(phase), [{stage or phase: 0.5}], {})
        assert where(rows.rates(cell(phase), seconds, {}, None)) == [(phase, stage, "users_per_second", 4 / 0.5)]


def test_what_takes_no_time_has_rates_all_the_same():
    seconds = rows.seconds(cell("step"), [{"step": 0.0}], {})
    assert next(rows.rates(cell("step"), seconds, {"step": Count(0, 0, 0)}, None))["value"] == 0.0


def test_what_failed_has_a_row_a_metric_and_phase():
    found = rows.failed(cell("attention"), ("peak_bytes", "saved_bytes"), "oom", "no memory")
    assert [(row["phase"], row["metric"]) for row in found] == [
        ("forward", "peak_bytes"),
        ("backward", "peak_bytes"),
        ("attention", "peak_bytes"),
        ("attention", "saved_bytes"),
    ]
    assert {(row["status"], row["note"]) for row in found} == {("oom", "no memory")}


def test_the_gpu_before_and_after_is_rows_and_what_it_does_not_say_too():
    readings = [Reading(1e9, 40, 0), Reading(9e8, 50, 1), Reading(8e8, None, 2)]
    found = rows.driver(cell("step"), readings, {"step": 2.5}, process=3)
    assert where(found) == [
        ("step", "before", "gpu_clock", 1e9),
        ("step", "before", "gpu_temperature", 40.0),
        ("step", "before", "gpu_processes", 0.0),
        ("step", "after", "gpu_clock", 8e8),
        ("step", "after", "gpu_temperature", None),
        ("step", "after", "gpu_processes", 2.0),
        ("step", None, "joules", 2.5),
    ]
    assert [row["status"] for row in found].count("skipped") == 1
    silent = rows.driver(cell("step"), readings, {})[-1]
    assert (silent["metric"], silent["status"], silent["note"]) == ("joules", "skipped", "the driver does not say")


def test_ceilings_are_the_best_sample_or_say_why_there_is_none():
    copy, product = rows.ceilings("float32", Answer("ok", {"copy": [1.0, 3.0, 2.0], "matmul": [5.0]}))
    assert (copy["value"], copy["low"], copy["unit"], copy["stage"]) == (3.0, 1.0, "B/s", "copy")
    assert (product["value"], product["unit"], product["stage"]) == (5.0, "1/s", "matmul")
    failed = rows.ceilings("float32", Answer("oom", note="no memory"))
    assert [(row["status"], row["note"], "value" in row) for row in failed] == [("oom", "no memory", False)] * 2


def test_every_row_fits_the_table():
    samples = [Sample({"step": 2.0}, {"step": 3.0}, frozenset(["step"]))]
    seconds = rows.times(cell("step"), samples, {"step": "eager"}, process=1, contended=False)
    found = [*seconds, *rows.rates(cell("step"), seconds, {"step": Count(40, 8, 0)}, Ceiling(1.0, 1.0))]
    found += rows.ceilings("float32", Answer("oom", note="no memory")) + rows.driver(
        cell("step"), [Reading(1, 1, 1)], {}
    )
    table = schema.table({}, found + rows.peaks(cell("step"), {"step": {"rss": 1.0}}, {}, 1))
    assert set(table["metric"]) <= rows.UNITS.keys()
    assert all(row["unit"] == rows.UNITS[row["metric"]] for row in table.to_dicts())
