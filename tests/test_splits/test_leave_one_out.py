import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.splits.leave_one_out import split


def test_the_last_event_is_tested_the_last_but_one_validated_and_short_users_left_out() -> None:
    offsets = torch.tensor([0, 5, 7, 10])
    parts = split(Sequences(torch.arange(1, 11), offsets, 10, torch.tensor([7, 8, 9])))
    # Of the user with two events nothing is trained on, so that it ends where it starts.
    assert parts.train.tolist() == [3, 5, 8]
    assert (parts.valid.place.tolist(), parts.valid.user.tolist()) == ([3, 8], [0, 2])
    assert (parts.test.place.tolist(), parts.test.user.tolist()) == ([4, 9], [0, 2])
