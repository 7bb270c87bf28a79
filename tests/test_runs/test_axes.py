"""A sweep is the product of what several values are given of, and tells its cells apart by what varies."""

from itertools import product

import pytest

from linrec_cli.errors import UsageError
from linrec_cli.runs.axes import axes, cells, varying


def test_a_sweep_is_the_product_of_its_axes_mechanism_length_and_seed_innermost() -> None:
    lists = {"seed": [0, 1], "lr": [0.1, 0.2], "attn": ["mean", "elu"], "width": [2, 4], "maxlen": [9, 8]}
    made = [(one.width, one.lr, one.attn, one.maxlen, one.seed) for one in cells({"data": "d"}, lists)]
    assert made == [*product((2, 4), (0.1, 0.2), ("mean", "elu"), (9, 8), (0, 1))]


def test_what_is_no_axis_is_the_same_in_all_cells() -> None:
    assert {(one.data, one.epochs) for one in cells({"data": "d", "epochs": 3}, {"seed": [0, 1]})} == {("d", 3)}


def test_a_sweep_makes_no_cell_twice() -> None:
    assert [one.attn for one in cells({}, {"attn": ["auto", "linear", "mean"]})] == ["linear", "mean"]


def test_each_cell_gets_what_is_usual_for_its_own_model() -> None:
    found = cells({}, {"model": ["bert4rec", "popular", "sasrec"]})
    assert [(one.attn, one.objective) for one in found] == [("linear", "cloze"), ("", ""), ("linear", "next")]


def test_one_cell_out_of_its_limits_stops_the_whole_sweep() -> None:
    with pytest.raises(UsageError, match="--width 9 does not split into --heads 2"):
        cells({}, {"width": [8, 9], "heads": [1, 2]})


def test_the_axes_are_those_that_are_declared_so() -> None:
    assert axes()[-3:] == ["attn", "maxlen", "seed"]
    assert {*axes()[:-3]} == {
        "model", "width", "layers", "heads", "dropout", "split", "objective", "loss", "lr", "weight_decay", "warmup",
        "schedule", "clip", "ema", "tokens",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "names"),
    [
        ({}, ["attn", "maxlen", "seed"]),
        ({"seed": [0, 1]}, ["attn", "maxlen", "seed"]),
        ({"seed": [0, 1], "lr": [0.1, 0.2]}, ["lr", "seed"]),
        ({"attn": ["mean", "elu"], "heads": [1, 2], "width": [2, 4]}, ["width", "heads", "attn"]),
        # The objective follows from the model, the mechanism does not.
        ({"model": ["sasrec", "bert4rec"], "attn": ["elu", "mean"]}, ["model", "attn"]),
        ({"model": ["sasrec", "popular"]}, ["model"]),
        ({"model": ["sasrec", "bert4rec"], "objective": ["auto", "last"]}, ["model", "objective"]),
    ],
)
def test_cells_are_told_apart_by_what_varies(lists: dict[str, list[object]], names: list[str]) -> None:
    assert varying(cells({}, lists)) == names
