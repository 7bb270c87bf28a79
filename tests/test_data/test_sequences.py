import polars as pl
import pytest
import torch

from linrec_cli.data.sequences import histories, leave_one_out, window


def events(*users: list[int]) -> pl.DataFrame:
    rows = [(number, item) for number, items in enumerate(users, 1) for item in items]
    return pl.DataFrame(rows, schema=["user", "item"], orient="row")


@pytest.mark.parametrize(("stage", "read", "gold"), [("valid", [1, 2, 3], 4), ("test", [1, 2, 3, 4], 5)])
def test_the_test_input_includes_the_validation_event(stage: str, read: list[int], gold: int) -> None:
    sequences = leave_one_out(events([1, 2, 3, 4, 5]), 5)
    start, length, target = histories(sequences, stage, maxlen=10)
    assert window(sequences.flat, start, length, 6)[0].tolist() == read + [0] * (6 - len(read))
    assert target.tolist() == [gold]


def test_only_the_last_maxlen_events_are_read() -> None:
    sequences = leave_one_out(events([1, 2, 3, 4, 5]), 5)
    start, length, _ = histories(sequences, "test", maxlen=2)
    assert window(sequences.flat, start, length, 2).tolist() == [[3, 4]]


def test_users_with_fewer_than_three_events_are_left_out_and_the_others_keep_their_ids() -> None:
    sequences = leave_one_out(events([1, 2, 3], [4, 5], [3, 2, 1, 2]), 5)
    assert sequences.users.tolist() == [1, 3]
    assert sequences.flat.tolist() == [1, 2, 3, 3, 2, 1, 2]
    assert sequences.lengths.tolist() == [3, 4]


def test_a_window_at_the_end_of_the_array_is_padded_on_the_right() -> None:
    flat = torch.tensor([7, 8, 9])
    assert window(flat, torch.tensor([2]), torch.tensor([1]), 3).tolist() == [[9, 0, 0]]
