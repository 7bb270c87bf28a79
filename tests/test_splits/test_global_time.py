import pytest
import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError, UsageError
from linrec_cli.splits.global_time import split


def made(*users: list[int]) -> Sequences:
    """Histories with these times; items do not matter."""
    times = torch.tensor([time for user in users for time in user])
    offsets = torch.tensor([0, *(len(user) for user in users)]).cumsum(0)
    return Sequences(torch.ones_like(times), offsets, 1, torch.arange(len(users)), times)


# Ten events at 0 to 9, but for the order within users: the test begins at 8, validation at 4.
USERS = ([0, 3, 5, 9], [1, 2, 4, 6], [7, 8])


def test_one_moment_cuts_all_histories_worked_by_hand() -> None:
    parts = split(made(*USERS), quantile=0.8, valid=0.5, targets="all")
    assert parts.train.tolist() == [2, 6, 8]
    # 5; 4 and 6. The event at 7 comes first in its history, and nothing predicts it.
    assert parts.valid.place.tolist() == [2, 6, 7]
    assert parts.test.place.tolist() == [3, 9]
    assert (parts.valid.user.tolist(), parts.test.user.tolist()) == ([0, 1, 1], [0, 2])


def test_the_last_targets_are_the_last_of_each_user_in_a_part() -> None:
    parts = split(made(*USERS), quantile=0.8, valid=0.5, targets="last")
    assert parts.valid.place.tolist() == [2, 7]
    assert parts.test.place.tolist() == [3, 9]


def test_nothing_that_is_trained_on_is_as_late_as_any_target() -> None:
    generator = torch.Generator().manual_seed(0)
    users = [torch.randint(0, 200, (20,), generator=generator).sort().values.tolist() for _ in range(40)]
    sequences = made(*users)
    parts = split(sequences, targets="all")
    assert sequences.times is not None
    trained = [sequences.times[b:e] for b, e in zip(sequences.offsets, parts.train, strict=False)]
    latest, valid = torch.cat(trained).max(), sequences.times[parts.valid.place]
    assert latest < valid.min()
    assert valid.max() < sequences.times[parts.test.place].min()


def test_without_times_the_error_names_what_can_be_used() -> None:
    sequences = Sequences(torch.ones(3), torch.tensor([0, 3]), 1, torch.zeros(1))
    with pytest.raises(DataError, match="use --split leave-one-out"):
        split(sequences)


def test_histories_that_go_back_in_time_are_refused() -> None:
    with pytest.raises(DataError, match=r"^2 histories go back in time; use --split given\."):
        split(made([0, 3, 2, 9, 1], [1, 2, 4, 6], [7, 8, 7]))
    # What the next user had may be earlier.
    split(made([0, 3, 3, 9], [1, 1, 4, 6], [7, 8]))


def test_unknown_targets_are_refused() -> None:
    with pytest.raises(UsageError, match="targets=first"):
        split(made(*USERS), targets="first")


def test_a_part_without_an_event_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to predict"):
        split(made([0, 0, 0, 0, 0]))


def test_a_tenth_is_tested_and_a_tenth_of_the_rest_validated_where_nothing_is_said() -> None:
    sequences = made(*USERS, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    usual, told = split(sequences), split(sequences, quantile=0.9, valid=0.9, targets="last")
    assert usual.train.equal(told.train)
    assert usual.test.place.equal(told.test.place)
    assert usual.valid.place.equal(told.valid.place)
