"""The first items for what comes before each target, against scoring and sorting one history at a time."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import LinrecError
from linrec_cli.evaluation import top as module
from linrec_cli.evaluation.top import top
from linrec_cli.models._recommender import last, products


class Drawn:
    """Encodes a history as the sum of its items' drawn rows."""

    def __init__(self, items: int) -> None:
        self.rows = torch.randn(items + 1, 4, generator=torch.Generator().manual_seed(0))
        self.rows[0] = 0

    def eval(self) -> None:
        pass

    def query(self, batch: Batch) -> Tensor:
        return last(self.rows[batch.items].cumsum(1), batch.lengths)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        return products(query, self.rows, items)


def brute(model: Drawn, history: list[int], maxlen: int, k: int, seen: str, items: int) -> list[int]:
    taste = sum(model.rows[item] for item in history[-maxlen:])
    left = [item for item in range(1, items + 1) if seen == "rank" or item not in history]
    found = sorted(left, key=lambda item: -float(model.rows[item] @ taste))[:k]
    return found + [0] * (min(k, items) - len(found))


@pytest.mark.parametrize("seen", ["remove", "rank"])
@pytest.mark.parametrize("k", [3, 40])
def test_each_target_gets_what_is_best_after_the_history_before_it(
    sequences: Sequences, monkeypatch: pytest.MonkeyPatch, seen: str, k: int
) -> None:
    monkeypatch.setitem(module.SCORES, "cpu", 90)
    monkeypatch.setitem(module.TOKENS, "cpu", 70)
    begin = sequences.offsets[:-1]
    places = torch.stack([begin + 1, begin + 2, sequences.offsets[1:] - 1], 1)
    targets = Targets(places.flatten(), torch.arange(len(begin)).repeat_interleave(3))
    model = Drawn(sequences.count)
    items, _ = top(model, sequences, 9, k, seen=seen, targets=targets)
    starts = begin[targets.user].tolist()
    histories = [sequences.flat[a:b].tolist() for a, b in zip(starts, targets.place.tolist(), strict=True)]
    assert items.tolist() == [brute(model, one, 9, k, seen, sequences.count) for one in histories]


def test_without_targets_a_users_whole_history_is_read(sequences: Sequences) -> None:
    model, ends = Drawn(sequences.count), sequences.offsets.tolist()
    items, _ = top(model, sequences, 9, 5)
    histories = [sequences.flat[a:b].tolist() for a, b in pairwise(ends)]
    assert items.tolist() == [brute(model, one, 9, 5, "remove", sequences.count) for one in histories]


def test_when_a_target_was_is_told_and_of_what_is_still_to_come_nobody_knows(sequences: Sequences) -> None:
    told: list[Tensor | None] = []

    class Told(Drawn):
        def query(self, batch: Batch) -> Tensor:
            told.append(batch.target_times)
            return super().query(batch)

    timed = replace(sequences, times=torch.arange(len(sequences.flat)))
    ends = Targets(sequences.offsets[1:] - 1, torch.arange(len(sequences.users)))
    top(Told(30), timed, 9, 3, targets=ends)
    assert sorted(int(time) for one in told if one is not None for time in one.amax(1)) == ends.place.tolist()
    told.clear()
    top(Told(30), timed, 9, 3)
    assert {*told} == {None}


def test_scores_that_are_no_numbers_are_refused(sequences: Sequences) -> None:
    model = Drawn(30)
    model.rows[7] = torch.nan
    with pytest.raises(LinrecError, match="not finite"):
        top(model, sequences, 10, 3)
