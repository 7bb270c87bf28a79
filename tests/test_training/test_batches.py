from dataclasses import replace

import pytest
import torch

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import rounded
from linrec_cli.training.batches import mixed, plan

OBJECTIVES = ["next", "cloze"]


def test_windows_are_cut_elsewhere_in_each_epoch_and_alike_for_the_same_seed(
    sequences: Sequences, parts: Parts
) -> None:
    laid = [plan(sequences, parts, "next", 7, 200, *own) for own in ((0, 0), (0, 1), (1, 0), (0, 0))]
    starts = [sorted(one.start.tolist()) for one in laid]
    assert starts[0] == starts[3]
    assert starts[0] != starts[1]
    assert starts[0] != starts[2]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_batches_can_be_taken_up_in_the_middle(sequences: Sequences, parts: Parts, objective: str) -> None:
    whole = plan(sequences, parts, objective, 20, 100, 0, 0)
    rest = [batch.items.tolist() for batch in whole.batches(sequences, 3)]
    assert rest == [batch.items.tolist() for batch in whole.batches(sequences)][3:]


def test_what_is_hidden_differs_from_batch_to_batch_and_from_epoch_to_epoch(sequences: Sequences, parts: Parts) -> None:
    hidden = []
    for epoch in (0, 1):
        batches = plan(sequences, parts, "cloze:last=0", 20, 400, 0, epoch).batches(sequences)
        hidden += [tuple((batch.items[0, :12] == 31).tolist()) for batch in batches]
    assert len({*hidden}) > len(hidden) / 2


def test_batches_hold_windows_of_similar_length_and_little_padding(sequences: Sequences, parts: Parts) -> None:
    laid = plan(sequences, parts, "next", 20, 100, 0, 0)
    for batch in laid.batches(sequences):
        assert batch.items.shape[1] == rounded(int(batch.lengths.max()))
    cells = sum(batch.items.numel() for batch in laid.batches(sequences))
    assert int(laid.length.sum()) / cells > 0.9
    # In no order of length: the first half of an epoch is not the longer one.
    lengths = [float(laid.length[rows].double().mean()) for rows in laid.rows]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


@pytest.mark.parametrize("objective", ["next", "last", "cloze"])
@pytest.mark.parametrize("maxlen", [33, 37, 45])
def test_no_batch_is_wider_than_the_positions_there_are(
    sequences: Sequences, parts: Parts, objective: str, maxlen: int
) -> None:
    batches = list(plan(sequences, parts, objective, maxlen, 300, 0, 0).batches(sequences))
    assert max(batch.items.shape[1] for batch in batches) == maxlen


@pytest.mark.parametrize("objective", ["next", "last"])
def test_times_come_along_with_their_items_and_those_of_targets_with_them(
    sequences: Sequences, parts: Parts, objective: str
) -> None:
    timed = replace(sequences, times=1000 + torch.arange(len(sequences.flat)))
    for batch in plan(timed, parts, objective, 20, 100, 0, 0).batches(timed):
        assert batch.times is not None
        assert batch.target_times is not None
        assert batch.targets is not None
        real, told = batch.items > 0, batch.targets > 0
        assert (timed.flat[batch.times[real] - 1000] == batch.items[real]).all()
        assert (timed.flat[batch.target_times[told] - 1000] == batch.targets[told]).all()


def test_seeds_that_differ_anywhere_mix_to_different_seeds() -> None:
    assert len({mixed(s, e, b) for s in range(10) for e in range(10) for b in range(10)}) == 1000
    assert mixed(1, 2) != mixed(2, 1)
    # Every draw of every run goes by it: with another the same seed would give other weights than it did.
    assert mixed(1, 2, 3) == 536453521966306493
    assert all(0 <= mixed(s, 2**32) < 2**63 for s in range(100))
