"""Golds that repeat, and what is made of the items of a history because of them."""

import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation import repeats
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.splits.leave_one_out import split


def made(*histories: list[int]) -> tuple[Sequences, Parts]:
    flat = torch.tensor([item for history in histories for item in history])
    offsets = torch.tensor([0, *map(len, histories)]).cumsum(0)
    sequences = Sequences(flat, offsets, int(flat.max()), torch.arange(1, len(histories) + 1))
    return sequences, split(sequences)


def test_a_gold_repeats_if_its_user_had_it_before_as_a_plain_count_has_it(sequences: Sequences, parts: Parts) -> None:
    for stage in ("valid", "test"):
        targets = parts.targets(stage)
        expected = []
        for user, place in zip(targets.user.tolist(), targets.place.tolist(), strict=True):
            history = sequences.flat[int(sequences.offsets[user]) : place].tolist()
            expected.append(int(sequences.flat[place]) in history)
        assert repeats.repeated(sequences, targets).tolist() == expected
        assert {*expected} == {True, False}


def test_every_target_of_a_user_is_told_and_each_by_what_came_before_it() -> None:
    sequences, _ = made([1], [2, 1, 2, 2, 1], [1, 2, 1])
    every = Targets(torch.tensor([8, 1, 5, 3, 4, 2]), torch.tensor([2, 1, 1, 1, 1, 1]))
    assert repeats.repeated(sequences, every).tolist() == [True, False, True, True, True, False]


def test_what_another_user_had_is_no_repeat() -> None:
    sequences, parts = made([1, 2, 3, 4], [4, 5, 6, 1])
    assert repeats.repeated(sequences, parts.test).tolist() == [False, False]


def test_from_one_gold_in_a_hundred_on_the_history_is_ranked() -> None:
    new, again = [1, 2, 3, 4], [1, 2, 3, 1]
    # A validated and a tested gold each: fifty users have a hundred.
    for count, rule in ((0, "remove"), (1, "rank"), (50, "rank")):
        sequences, parts = made(*[again] * count, *[new] * (50 - count))
        assert repeats.share(sequences, parts) == count / 100
        assert repeats.rule("auto", sequences, parts) == rule
    sequences, parts = made(again, *[new] * 50)
    assert repeats.share(sequences, parts) < 0.01
    assert repeats.rule("auto", sequences, parts) == "remove"
    assert repeats.rule("rank", sequences, parts) == "rank"


def test_where_nothing_is_held_out_nothing_repeats() -> None:
    sequences, parts = made([1, 2], [3])
    assert repeats.share(sequences, parts) == 0.0
    assert repeats.rule("auto", sequences, parts) == "remove"


class Seen:
    """Scores what was seen before by one and all else by nothing."""

    def __init__(self, items: int) -> None:
        self.items = items

    def eval(self) -> None:
        pass

    def query(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.items), self.items + 1).scatter(1, batch.items, 1.0)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        return query[:, 1:] if items is None else query.gather(1, items)


def test_what_prefers_the_seen_has_no_first_place_where_golds_repeat() -> None:
    sequences, parts = made(*([n, n + 1, n + 2, n + 3, n + 4, n] for n in range(1, 20)))
    model = Seen(sequences.count)
    kept = {rule: ranks(model, sequences, parts.test, 9, seen=rule) for rule in ("remove", "rank")}  # type: ignore[arg-type]
    assert set(kept["remove"].tolist()) == {1.0}
    assert set(kept["rank"].tolist()) == {3.0}
