"""Names at the ends of lines move apart, and no further than they must."""

import random
from itertools import combinations, product

import pytest

from linrec_cli.plots.line_names import apart


def test_places_move_apart_no_further_than_needed():
    assert apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert apart([0.2, 0.8], 0.1) == [0.2, 0.8]
    assert apart([1.0, 1.0, 1.0], 0.1) == pytest.approx([0.8, 0.9, 1.0])
    assert apart([0.0, 0.0], 0.1) == pytest.approx([0.0, 0.1])
    # Too many to fit hang from the top.
    assert apart([0.5, 0.5, 0.5], 0.6) == pytest.approx([-0.2, 0.4, 1.0])


@pytest.mark.parametrize("seed", range(10))
def test_places_that_moved_apart_are_the_nearest_of_those_on_a_grid(seed):
    chance = random.Random(seed)
    places = [chance.randint(0, 10) / 10 for _ in range(3)]
    moved = apart(places, 0.2)
    assert all(abs(a - b) >= 0.2 - 1e-9 for a, b in combinations(moved, 2))
    grid = (
        c
        for c in product([n / 30 for n in range(31)], repeat=3)
        if all(abs(a - b) > 0.199 for a, b in combinations(c, 2))
    )
    best = min(sum((a - b) ** 2 for a, b in zip(c, places, strict=True)) for c in grid)
    assert sum((a - b) ** 2 for a, b in zip(moved, places, strict=True)) <= best + 1e-9
