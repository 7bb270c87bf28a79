from collections import Counter
from itertools import pairwise

import pytest
import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.training.batches import mixed, plan


def trained(sequences: Sequences, maxlen: int, epoch: int = 0) -> Counter[tuple[int, int]]:
    pairs: Counter[tuple[int, int]] = Counter()
    for batch in plan(sequences, maxlen, 200, seed=3, epoch=epoch).batches(sequences.flat):
        assert batch.items.shape == batch.targets.shape
        assert batch.items.numel() <= 200
        assert batch.count == int((batch.targets > 0).sum())
        assert torch.equal(batch.items > 0, batch.targets > 0)
        assert (
            batch.items[:, 1:] * (batch.targets[:, 1:] > 0) == batch.targets[:, :-1] * (batch.targets[:, 1:] > 0)
        ).all()
        real = batch.targets > 0
        pairs.update(zip(batch.items[real].tolist(), batch.targets[real].tolist(), strict=True))
    return pairs


@pytest.mark.parametrize("maxlen", [1, 7, 50, 200])
@pytest.mark.parametrize("epoch", [0, 1])
def test_every_next_item_target_of_the_training_part_is_trained_once(
    sequences: Sequences, maxlen: int, epoch: int
) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    for begin, end in zip(sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True):
        history = sequences.flat[begin : end - 2].tolist()
        expected.update(pairwise(history))
    assert trained(sequences, maxlen, epoch) == expected


def test_windows_are_cut_elsewhere_in_each_epoch_and_alike_for_the_same_seed(sequences: Sequences) -> None:
    starts = [sorted(plan(sequences, 7, 200, seed, epoch).start.tolist()) for seed, epoch in ((0, 0), (0, 1), (0, 0))]
    assert starts[0] == starts[2]
    assert starts[0] != starts[1]


def test_a_history_that_fits_is_one_window(sequences: Sequences) -> None:
    assert len(plan(sequences, 200, 400, 0, 0).start) == int((sequences.lengths > 3).sum())


def test_batches_can_be_taken_up_in_the_middle(sequences: Sequences) -> None:
    whole = plan(sequences, 20, 100, 0, 0)
    rest = [batch.items.tolist() for batch in whole.batches(sequences.flat, 3)]
    assert rest == [batch.items.tolist() for batch in whole.batches(sequences.flat)][3:]


def test_seeds_that_differ_anywhere_mix_to_different_seeds() -> None:
    assert len({mixed(s, e, b) for s in range(10) for e in range(10) for b in range(10)}) == 1000
