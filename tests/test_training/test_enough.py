import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.training import enough


def made(*lengths: int) -> Sequences:
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    return Sequences(torch.ones(sum(lengths), dtype=torch.int64), offsets, 1, torch.arange(len(lengths)))


@pytest.mark.parametrize(
    ("lengths", "counted", "lacking"),
    [
        ((2, 2), False, "to validate: the longest of 2 histories has 2 events"),
        ((3, 3, 2), False, "to train on: the longest of 3 histories has 3 events"),
        ((3, 2), True, ""),
        ((2,), True, "to validate"),
        ((3, 4), False, ""),
        ((), False, "to validate: the longest of 0 histories has 0 events"),
    ],
)
def test_what_leaves_nothing_is_refused_in_words(lengths: tuple[int, ...], counted: bool, lacking: str) -> None:
    sequences = made(*lengths)
    parts = catalog.load("splits", "leave-one-out").split(sequences)
    if not lacking:
        enough.check(sequences, parts, counted=counted)
        return
    with pytest.raises(DataError, match=lacking):
        enough.check(sequences, parts, counted=counted)
