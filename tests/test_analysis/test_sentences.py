"""Sentences about made-up sweeps, word for word."""

import pytest

from linrec_cli.analysis import scaling
from linrec_cli.analysis.sentences import gain, sentences

LENGTHS = [2**n for n in range(7, 15)]
SHARED = {"phase": "attention", "options": "", "status": "ok", "tokens": 16_384}


def rows(attention, seconds, peak, lengths=LENGTHS, **more):
    """Rows of a mechanism with a time of three samples and a peak, in MiB, at each length."""
    found = []
    for n in lengths:
        same = SHARED | {"attention": attention, "maxlen": n} | more
        value, bytes_ = seconds(n), peak(n) * 2**20
        found.append(same | {"metric": "seconds", "value": value, "samples": [value] * 3})
        stage = ".".join(filter(None, (more.get("stage"), "rss")))
        found.append(same | {"metric": "peak_bytes", "stage": stage, "value": bytes_, "samples": [bytes_]})
    return found


def failed(attention, maxlen, status, **more):
    same = SHARED | {"attention": attention, "maxlen": maxlen, "status": status} | more
    return [same | {"metric": metric} for metric in ("peak_bytes", "seconds")]


def told(measured):
    return list(sentences([*measured, *scaling.rows(measured)]))


def test_a_sweep_is_told_in_a_line_of_slopes_a_mechanism_and_a_line_a_crossover():
    """0.001 n meets 1.8 at 1,800; at 16,384 their ratio is 16.384 / 1.8 and that of the peaks 16,384 / 745."""
    measured = rows("softmax", lambda n: 0.001 * n, float) + rows("linear", lambda n: 1.8, lambda n: 745.0)
    assert told(measured) == [
        "attention: slope of log(cost) over log(length); at fixed tokens quadratic cost is 1, linear cost 0.",
        "  softmax: time slope 1.00 (1.00 to 1.00) from 128 to 16,384; memory slope 1.00 from 128 to 16,384.",
        "  linear: time slope 0.00 (0.00 to 0.00) from 128 to 16,384; memory slope 0.00 from 128 to 16,384.",
        "  linear overtakes softmax between 1,024 and 2,048 (at 1,800, 1,800 to 1,800); "
        "at 16,384 it is 9.1x faster and needs 22x less memory.",
    ]


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0.05, "  linear is always faster than softmax, from 128 to 16,384; at 16,384 it is 328x faster"),
        (32.768, "  linear is never faster than softmax, up to 16,384; at 16,384 it takes 2.0x as long"),
    ],
)
def test_a_mechanism_that_overtakes_nowhere_is_told_so(seconds, starts):
    measured = rows("softmax", lambda n: 0.001 * n, float) + rows("linear", lambda n: seconds, float)
    assert told(measured)[-1] == f"{starts} and needs as much memory."


@pytest.mark.parametrize(
    ("status", "said"), [("oom", "ran out of memory"), ("timeout", "ran out of time"), ("error", "failed")]
)
def test_how_the_longer_lengths_ended_is_told(status, said):
    measured = rows("softmax", lambda n: 0.001 * n, float, LENGTHS[:-2]) + rows("linear", lambda n: 0.5, float)
    assert told(measured + failed("softmax", 8192, status))[-1].endswith(f"; at 8,192 softmax {said}.")


def test_what_ran_out_is_told_beyond_the_longest_length_of_both():
    measured = rows("softmax", lambda n: 0.001 * n, float, LENGTHS[:-2]) + rows("linear", lambda n: 0.5, float)
    measured += failed("softmax", 8192, "oom") + failed("softmax", 16_384, "skipped")
    assert told(measured)[-1].endswith(
        "at 4,096 it is 8.2x faster and needs as much memory; at 8,192 softmax ran out of memory."
    )


def test_what_has_no_slope_says_why():
    measured = rows("softmax", lambda n: 1 + n / 4096, float, LENGTHS[:6]) + failed("linear", 128, "error")
    assert told(measured)[1:] == [
        "  softmax: no time slope (overhead still shows at 4,096; measure longer lengths); "
        "memory slope 1.00 from 128 to 4,096.",
        "  linear: no slopes (it takes 3 lengths with a number; there are 0).",
        "  linear against softmax: no length gave both a number.",
    ]


def test_parts_of_the_layer_are_not_told_beside_the_whole_and_sizes_are_named_where_they_differ():
    sizes = [{"phase": phase, "width": width} for phase in ("forward", "attention") for width in (64, 128)]
    measured = [r for size in sizes for r in rows("a", float, float, **size)]
    heads = [line.partition(":")[0] for line in told(measured) if not line.startswith(" ")]
    assert heads == ["attention, width 64", "attention, width 128"]
    alone = [r for r in measured if r["phase"] == "forward" and r["width"] == 64]
    assert told(alone)[0].startswith("forward: ")


def test_of_several_ways_the_fastest_is_compared_with_its_own_memory():
    measured = rows("softmax", lambda n: 0.001 * n, float, phase="serve", stage="recomputation")
    measured += rows("linear", lambda n: 2.0, float, phase="serve", stage="recomputation")
    measured += rows("linear", lambda n: 1.0, lambda n: n / 4, phase="serve", stage="recurrence")
    assert told(measured)[-1] == (
        "  linear overtakes softmax between 512 and 1,024 (at 1,000, 1,000 to 1,000); "
        "recurrence against recomputation; at 16,384 it is 16x faster and needs 4.0x less memory."
    )
    assert any(line.startswith("  linear, recurrence: time slope 0.00") for line in told(measured))


def test_peaks_too_low_for_their_counter_are_not_compared():
    measured = rows("softmax", lambda n: 0.001 * n, lambda n: 1.9) + rows("linear", lambda n: 0.5, lambda n: 0.1)
    assert told(measured)[-1].endswith("at 16,384 it is 33x faster.")
    few = "no memory slope (it takes 3 lengths with a peak over 2 MiB; there are 0)"
    assert few in told(measured)[1]
    # What its counter could not tell from nothing at all is no number, and no other reason.
    for row in measured:
        if row["metric"] == "peak_bytes":
            row |= {"status": "skipped", "value": None, "samples": None}
    assert few in told(measured)[1]


@pytest.mark.parametrize(("gone", "end"), [({16_384}, "; at 8,192 it is 16x faster."), ({*LENGTHS}, "500 to 500).")])
def test_a_time_of_nothing_is_none_to_compare(gone, end):
    measured = rows("softmax", lambda n: 0.001 * n, lambda n: 0.1) + rows("linear", lambda n: 0.5, lambda n: 0.1)
    made = scaling.rows(measured)
    for row in measured:
        if row["metric"] == "seconds" and row["maxlen"] in gone:
            row["value"] = 0.0
    assert [*sentences([*measured, *made])][-1].endswith(end)


@pytest.mark.parametrize(
    ("seconds", "peaks", "text"),
    [
        ((9.1, 1.0), (22.0, 1.0), "is 9.1x faster and needs 22x less memory"),
        ((1.5, 1.0), (1.0, 2.1), "is 1.50x faster but needs 2.1x the memory"),
        ((1.0, 3.0), (1.0, 2.1), "takes 3.0x as long and needs 2.1x the memory"),
        ((1.0, 3.0), (4.0, 1.0), "takes 3.0x as long but needs 4.0x less memory"),
        ((1.0, 1.0), (1.0, 1.04), "is 1.00x faster and needs as much memory"),
        ((2000.0, 1.0), (0.0, 1.0), "is 2,000x faster"),
    ],
)
def test_gains_are_named_in_both_directions(seconds, peaks, text):
    assert gain(seconds, peaks) == text


def test_a_sweep_over_two_lengths_has_no_sentences():
    assert told(rows("a", float, float, LENGTHS[:2])) == []
