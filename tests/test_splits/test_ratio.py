import pytest
import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import UsageError
from linrec_cli.splits.ratio import split


def made(*lengths: int) -> Sequences:
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    return Sequences(torch.ones(sum(lengths), dtype=torch.long), offsets, 1, torch.arange(len(lengths)))


def test_shares_of_each_history_are_rounded_down_worked_by_hand() -> None:
    parts = split(made(10, 4, 1))
    # Ten: eight, one, one. Four: three, none, one. One: nothing has a history.
    assert parts.train.tolist() == [8, 13, 14]
    assert (parts.valid.place.tolist(), parts.test.place.tolist()) == ([8], [9, 13])


def test_a_share_that_a_float_cannot_hold_is_not_cut_short() -> None:
    parts = split(made(10), train=0.7, valid=0.1, targets="all")
    assert (parts.valid.place.tolist(), parts.test.place.tolist()) == ([7], [8, 9])


def test_only_the_last_of_a_part_where_that_is_asked_for() -> None:
    parts = split(made(20), train=0.5, valid=0.25, targets="last")
    assert (parts.valid.place.tolist(), parts.test.place.tolist()) == ([14], [19])


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.6, 0.6)])
def test_shares_must_leave_something_for_each_part(shares: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="leave a share to test"):
        split(made(10), *shares)
