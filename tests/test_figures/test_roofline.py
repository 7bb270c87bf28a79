"""The roofline shows what the rows say: work a byte, work a second, and the lower of two ceilings."""

import pytest

from linrec_cli.figures import roofline
from linrec_cli.results import schema

HOW = {"command": "profile", "width": 64, "heads": 2, "device": "cpu", "dtype": "float32", "threads": 1, "run": "r"}
COPY, PRODUCT = 20e9, 80e9


def cell(attention, maxlen, operations, bytes_, seconds, **more):
    made = {"operations": operations, "bytes_moved": bytes_, "seconds": seconds,
            "flops_per_second": operations / seconds}  # fmt: skip
    shared = HOW | {"attention": attention, "maxlen": maxlen, "tokens": 4096, "phase": "attention"} | more
    return [shared | {"metric": metric, "value": value} for metric, value in made.items()]


def ceilings(**more):
    both = (("copy", "bytes_per_second", COPY), ("matmul", "flops_per_second", PRODUCT))
    return [HOW | {"phase": "machine", "stage": s, "metric": m, "value": v} | more for s, m, v in both]


def drawn(*cells, wide=None):
    return list(roofline.every(schema.table({}, [row for rows in cells for row in rows]), wide))


def line(axes, name):
    return next(line for line in axes.lines if line.get_label() == name)


SOME = (cell("linear", 128, 2e9, 1e9, 0.1), cell("linear", 256, 3e9, 1e9, 0.1), cell("softmax", 128, 8e9, 1e9, 0.2))


def test_a_point_is_work_a_byte_and_billions_of_operations_a_second():
    (one,) = drawn(*SOME, ceilings())
    (axes,) = one.figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert line(axes, "linear").get_xydata().tolist() == [pytest.approx([2, 20]), pytest.approx([3, 30])]
    assert line(axes, "softmax").get_xydata().tolist() == [[8.0, 40.0]]
    points = one.points.filter(mechanism="linear")
    assert points.select("maxlen", "operations_per_byte", "gigaflops").rows() == [
        (128, 2, 20),
        (256, 3, pytest.approx(30)),
    ]


def test_the_roof_is_the_lower_ceiling_at_each_intensity():
    (one,) = drawn(*SOME, ceilings())
    (axes,) = one.figure.axes
    (left, low), corner, (right, high) = line(axes, "roof").get_xydata().tolist()
    assert corner == [4.0, 80.0]
    assert low == pytest.approx(20 * left)
    assert high == 80
    assert axes.get_xlim() == pytest.approx((left, right))
    assert left < 2
    assert right > 8
    assert "roof: a copy at 20 GB a second, a product at 80 billion operations a second" in one.caption
    corner = one.points.filter(mechanism="ceiling: corner")
    assert corner.select("operations_per_byte", "gigaflops").rows() == [(4.0, 80.0)]


def test_without_ceilings_of_the_same_run_and_dtype_there_is_no_roof_to_draw():
    assert drawn(*SOME) == []
    assert drawn(*SOME, ceilings(run="other")) == []
    assert drawn(*SOME, ceilings(dtype="bfloat16")) == []
    assert drawn(*SOME, ceilings()[:1]) == []


def test_a_cell_that_was_counted_and_not_timed_has_no_point():
    (one,) = drawn(*SOME, cell("mean", 128, 1e9, 1e9, 0.1)[:2], ceilings())
    assert "mean" not in set(one.points["mechanism"])


def test_a_cell_timed_beside_others_is_ringed_and_named():
    marked = [[row | {"contended": row["maxlen"] == 256} for row in rows] for rows in SOME]
    (one,) = drawn(*marked, ceilings())
    (axes,) = one.figure.axes
    assert line(axes, "contended").get_xydata().tolist() == [pytest.approx([3, 30])]
    assert "contended: linear at 256 (" in one.figure.get_supxlabel()
    # One number of a cell is enough.
    first = {"metric": "flops_per_second", "attention": "linear", "maxlen": 128}
    marked = [[row | {"contended": first.items() <= row.items()} for row in rows] for rows in SOME]
    (one,) = drawn(*marked, ceilings())
    assert "contended: linear at 128 (" in one.figure.get_supxlabel()


@pytest.mark.parametrize("wide", [None, 3.3, 7.0])
def test_the_names_of_the_longest_lengths_stay_within_the_figure(wide):
    (one,) = drawn(*SOME, ceilings(), wide=wide)
    one.figure.draw_without_rendering()
    names = {text.get_text(): text for text in one.figure.axes[0].texts}
    assert {*names} == {"linear", "softmax"}
    for text in names.values():
        box = text.get_window_extent()
        assert one.figure.bbox.x0 <= box.x0 < box.x1 <= one.figure.bbox.x1


def test_markers_grow_with_the_length_up_to_seven_points():
    (one,) = drawn(*SOME, ceilings())
    sizes = [own.get_markersize() for own in one.figure.axes[0].lines if own.get_marker() not in ("", "None")]
    assert max(sizes) == 7
    assert len({*sizes}) == max(sizes.count(7), 2)
