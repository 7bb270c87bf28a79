import polars as pl
import pytest
import torch

from linrec_cli.data.parts import Targets
from linrec_cli.data.prepare import prepare
from linrec_cli.data.sequences import Sequences, arrange, histories, lay_out, multi_hot, window
from linrec_cli.splits.leave_one_out import split


def events(*users: list[int]) -> pl.DataFrame:
    rows = [(number, item) for number, items in enumerate(users, 1) for item in items]
    return pl.DataFrame(rows, schema=["user", "item"], orient="row")


@pytest.mark.parametrize(("stage", "read", "gold"), [("valid", [1, 2, 3], 4), ("test", [1, 2, 3, 4], 5)])
def test_the_test_input_includes_the_validation_event(stage: str, read: list[int], gold: int) -> None:
    sequences = arrange(events([1, 2, 3, 4, 5]), 5)
    start, length, target = histories(sequences, split(sequences).targets(stage), maxlen=10)
    assert window(sequences.flat, start, length, 6)[0].tolist() == read + [0] * (6 - len(read))
    assert target.tolist() == [gold]


def test_only_the_last_maxlen_events_are_read() -> None:
    sequences = arrange(events([1, 2, 3, 4, 5]), 5)
    start, length, _ = histories(sequences, split(sequences).test, maxlen=2)
    assert window(sequences.flat, start, length, 2).tolist() == [[3, 4]]


def test_a_history_never_reaches_into_the_user_before() -> None:
    sequences = arrange(events([1, 2, 3], [4, 5, 4]), 5)
    start, length, gold = histories(sequences, Targets(torch.tensor([4]), torch.tensor([1])), maxlen=10)
    assert (start.tolist(), length.tolist(), gold.tolist()) == ([3], [1], [5])


def test_every_user_is_laid_out_in_order() -> None:
    sequences = arrange(events([1, 2, 3], [4, 5], [3, 2, 1, 2]), 5)
    assert sequences.users.tolist() == [1, 2, 3]
    assert sequences.flat.tolist() == [1, 2, 3, 4, 5, 3, 2, 1, 2]
    assert sequences.lengths.tolist() == [3, 2, 4]
    assert sequences.times is None


def test_times_come_along_where_the_data_have_them_and_not_otherwise() -> None:
    rows = {"user": ["b", "a", "a", "b"], "item": ["x", "y", "x", "y"], "time": [5, 9, 7, 4]}
    timed = lay_out(prepare(pl.LazyFrame(rows), 0, 0))
    assert timed.flat.tolist() == [1, 2, 2, 1]
    assert timed.times is not None
    assert timed.times.tolist() == [7, 9, 4, 5]
    assert lay_out(prepare(pl.LazyFrame(rows).drop("time"), 0, 0)).times is None


def test_features_are_spread_over_their_values_in_order() -> None:
    items = pl.DataFrame({"item": [1, 2, 3], "title": ["a", "b", "c"], "genres": [["z", "a"], None, ["a"]]})
    found = multi_hot(items)
    assert found is not None
    assert [*found] == ["genres"]
    assert found["genres"].tolist() == [[False, False], [True, True], [False, False], [True, False]]
    assert multi_hot(items.drop("genres")) is None


def test_moving_takes_everything_along() -> None:
    one = Sequences(torch.ones(2), torch.tensor([0, 2]), 3, torch.ones(1), torch.ones(2), {"f": torch.ones(4, 1)})
    moved = one.to("meta")
    assert moved.times is not None
    assert moved.features is not None
    tensors = [moved.flat, moved.offsets, moved.users, moved.times, moved.features["f"]]
    assert [tensor.device.type for tensor in tensors] == ["meta"] * 5
    assert moved.count == 3


def test_a_window_at_the_end_of_the_array_is_padded_on_the_right() -> None:
    flat = torch.tensor([7, 8, 9])
    assert window(flat, torch.tensor([2]), torch.tensor([1]), 3).tolist() == [[9, 0, 0]]
