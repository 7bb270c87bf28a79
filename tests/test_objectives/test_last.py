import pytest
import torch

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.objectives import last
from linrec_cli.training.batches import plan


@pytest.mark.parametrize("maxlen", [1, 5, 200])
def test_each_prefix_is_a_sample_and_its_next_item_the_only_target(
    sequences: Sequences, parts: Parts, maxlen: int
) -> None:
    expected = []
    for begin, end in zip(sequences.offsets[:-1].tolist(), parts.train.tolist(), strict=True):
        history = sequences.flat[begin:end].tolist()
        expected += [(history[max(0, t - maxlen) : t], history[t]) for t in range(1, len(history))]
    found = []
    for batch in plan(sequences, parts, "last", maxlen, 200, 0, 0).batches(sequences):
        assert batch.targets is not None
        assert batch.count == len(batch.items)
        for items, length, targets in zip(batch.items, batch.lengths, batch.targets, strict=True):
            assert (targets > 0).nonzero().tolist() == [[int(length) - 1]]
            assert (items[length:] == 0).all()
            found.append((items[:length].tolist(), int(targets[length - 1])))
    assert sorted(found) == sorted(expected)


def test_a_part_of_one_event_or_none_has_no_sample() -> None:
    start, length = last.windows(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 3]), 5, torch.Generator())
    assert (start.tolist(), length.tolist()) == ([1, 1], [1, 2])
