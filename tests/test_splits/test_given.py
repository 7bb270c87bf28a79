import pytest
import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.splits.given import split


def test_parts_stay_as_they_came_worked_by_hand() -> None:
    part = torch.tensor([0, 0, 1, 2, 0, 2, 2, 1, 2])
    offsets = torch.tensor([0, 4, 7, 9])
    parts = split(Sequences(torch.arange(1, 10), offsets, 9, torch.arange(3), part=part))
    assert parts.train.tolist() == [2, 5, 7]
    # The third user has nothing before the first event, by which it could be predicted.
    assert (parts.valid.place.tolist(), parts.valid.user.tolist()) == ([2], [0])
    assert (parts.test.place.tolist(), parts.test.user.tolist()) == ([3, 5, 6, 8], [0, 1, 1, 2])


def test_data_in_one_piece_are_refused() -> None:
    with pytest.raises(DataError, match="give --valid FILE and --test FILE"):
        split(Sequences(torch.ones(3), torch.tensor([0, 3]), 1, torch.zeros(1)))
