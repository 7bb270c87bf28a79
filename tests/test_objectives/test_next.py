from collections import Counter
from itertools import pairwise

import pytest
import torch

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.objectives.next import windows
from linrec_cli.training.batches import plan


def trained(sequences: Sequences, parts: Parts, maxlen: int, epoch: int) -> Counter[tuple[int, int]]:
    pairs: Counter[tuple[int, int]] = Counter()
    for batch in plan(sequences, parts, "next", maxlen, 200, seed=3, epoch=epoch).batches(sequences):
        assert batch.targets is not None
        real = batch.targets > 0
        assert (real == (batch.items > 0)).all()
        # Within a window the target of a position is the input of the next one.
        assert (batch.items[:, 1:] * real[:, 1:] == batch.targets[:, :-1] * real[:, 1:]).all()
        pairs.update(zip(batch.items[real].tolist(), batch.targets[real].tolist(), strict=True))
    return pairs


@pytest.mark.parametrize("maxlen", [1, 7, 50, 200])
@pytest.mark.parametrize("epoch", [0, 1])
def test_every_next_item_of_the_training_part_is_trained_once(
    sequences: Sequences, parts: Parts, maxlen: int, epoch: int
) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    for begin, end in zip(sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True):
        expected.update(pairwise(sequences.flat[begin : end - 2].tolist()))
    assert trained(sequences, parts, maxlen, epoch) == expected


def test_a_history_that_fits_is_one_window(sequences: Sequences, parts: Parts) -> None:
    assert len(plan(sequences, parts, "next", 200, 400, 0, 0).start) == int((sequences.lengths > 3).sum())


def test_a_part_of_one_event_has_no_window_and_shifts_no_other() -> None:
    begin, events = torch.tensor([0, 3, 4]), torch.tensor([3, 1, 4])
    start, length = windows(begin, events, 10, torch.Generator().manual_seed(0))
    assert (start.tolist(), length.tolist()) == ([0, 4], [2, 3])


def test_what_just_fits_is_one_window_and_what_is_longer_begins_with_one_of_any_length() -> None:
    begin, generator = torch.zeros(300, dtype=torch.int64), torch.Generator().manual_seed(0)
    start, length = windows(begin, begin + 5, 4, generator)
    assert (start.tolist(), length.tolist()) == ([0] * 300, [4] * 300)
    start, length = windows(begin, begin + 6, 4, generator)
    assert {*length[start == 0].tolist()} == {1, 2, 3, 4}
