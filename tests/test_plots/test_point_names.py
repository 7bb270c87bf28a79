"""Names find places: beside their points where they can, elsewhere with a line to them, never on one another."""

import numpy as np
import pytest

from linrec_cli.plots import point_names as beside

FRAME = np.array([0.0, 0.0, 300.0, 200.0])
NONE = np.empty((0, 4))


def places(points, lines=NONE, size=(50.0, 11.0)):
    points = np.array(points, dtype=float)
    return beside.places(points, np.tile(size, (len(points), 1)), np.array(lines, dtype=float), FRAME)


def moved(found):
    return (found.leaders[:, :2] != found.leaders[:, 2:]).any(1)


def shared(found):
    """The area that names share, by plain loops."""
    area = 0.0
    for number, (a, b, c, d) in enumerate(found.boxes):
        for left, bottom, right, top in found.boxes[:number]:
            area += max(0, min(c, right) - max(a, left)) * max(0, min(d, top) - max(b, bottom))
    return area


def test_a_lone_name_lies_right_of_its_point_without_a_line():
    found = places([(100, 100)])
    assert found.boxes[0, 0] == pytest.approx(100 + beside.RADIUS + beside.RINGS[0] - beside.AIR)
    assert found.boxes[0, [1, 3]].mean() == pytest.approx(100)
    assert not moved(found).any()


def test_at_the_right_edge_it_lies_left():
    assert places([(290, 100)]).boxes[0, 2] < 290


def test_it_keeps_off_a_line_that_runs_to_the_right():
    _, bottom, right, top = places([(100, 100)], [(100, 100, 300, 100)]).boxes[0]
    assert not (bottom < 100 < top and right > 100)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [90.0, 40.0, 15.0])
def test_twenty_names_never_overlap_nor_hide_a_point_nor_leave_the_frame(seed, spread):
    points = np.random.default_rng(seed).normal([150, 100], [spread, 0.6 * spread], (20, 2))
    points = np.clip(points, [15, 15], [285, 185])
    found = places(points)
    assert shared(found) == 0
    left, bottom, right, top = found.boxes.T
    assert left.min() >= 0
    assert bottom.min() >= 0
    assert right.max() <= 300
    assert top.max() <= 200
    for x, y in points:
        assert not ((left < x) & (x < right) & (bottom < y) & (y < top)).any()


def test_names_of_points_in_one_place_move_away_each_with_a_line_to_it():
    found = places([(150, 100)] * 12)
    assert shared(found) == 0
    assert moved(found).sum() >= 8
    assert (found.leaders[:, :2] == [150, 100]).all()
    # A line ends at the edge of its own name.
    ends, boxes = found.leaders[moved(found), 2:], found.boxes[moved(found)]
    assert (ends >= boxes[:, :2]).all()
    assert (ends <= boxes[:, 2:]).all()


def test_the_same_points_give_the_same_places():
    points = np.random.default_rng(0).uniform(20, 180, (15, 2))
    assert (places(points).boxes == places(points).boxes).all()


def test_lines_cross_where_each_parts_the_ends_of_the_other():
    lines = np.array([(0, 0, 2, 2), (0, 2, 2, 0), (3, 0, 3, 9), (0, 0, 0, 0)])
    assert beside.crossing(lines, lines).tolist() == [
        [False, True, False, False],
        [True, False, False, False],
        [False] * 4,
        [False] * 4,
    ]


def test_a_line_runs_through_a_box_from_side_to_side_or_over_a_corner():
    box = np.array([(0.0, 0.0, 4.0, 2.0)])
    lines = np.array([(-1, 1, 5, 1.5), (2, -1, 2, 3), (-1, 1, 1, 3), (-1, 2, 1, 4), (5, 0, 5, 2)])
    assert beside.through(lines, box)[:, 0].tolist() == [True, True, False, False, False]
    assert beside.through(np.array([(-0.5, 1.0, 1.0, 2.5)]), box)[0, 0]


def test_boxes_share_the_area_of_their_cut():
    boxes = np.array([(0.0, 0.0, 4.0, 2.0), (3.0, 1.0, 5.0, 5.0), (4.0, 0.0, 6.0, 2.0)])
    assert beside.overlap(boxes, boxes).tolist() == [[8, 1, 0], [1, 8, 1], [0, 1, 4]]
