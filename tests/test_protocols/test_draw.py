"""Negatives: what every protocol promises, and how likely each item is to be drawn."""

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.protocols import _draw
from linrec_cli.splits.leave_one_out import split

NAMES = catalog.names("protocols")


def short(users: int, items: int) -> Sequences:
    """Histories of four events whose training part is always items 1 and 2."""
    flat = torch.tensor([1, 2, 3, 4]).repeat(users)
    return Sequences(flat, torch.arange(0, 4 * users + 1, 4), items, torch.arange(1, users + 1))


def negatives(sequences: Sequences, name: str, stage: str = "test", seed: int = 0) -> torch.Tensor | None:
    found: torch.Tensor | None = catalog.load("protocols", name).negatives(
        sequences, split(sequences), stage, seed, False
    )
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stage", ["valid", "test"])
def test_negatives_are_distinct_and_neither_gold_nor_seen(name: str, stage: str) -> None:
    # Ten users train on fifteen items each, so that by popularity too more than a hundred can be drawn.
    histories = [[1, 2, 3, 4]] * 5 + [[*range(5 + 15 * j, 20 + 15 * j), 3, 4] for j in range(10)]
    offsets = torch.tensor([0, *map(len, histories)]).cumsum(0)
    flat = torch.tensor([item for history in histories for item in history])
    sequences = Sequences(flat, offsets, 154, torch.arange(15))
    drawn, module = negatives(sequences, name, stage), catalog.load("protocols", name)
    assert module.TITLE
    for history, row in zip(histories, drawn.tolist() if drawn is not None else (), strict=drawn is not None):
        assert len(set(row)) == len(row) == module.NEGATIVES
        assert not {*row} & {*(history if stage == "test" else history[:-1])}


@pytest.mark.parametrize("name", ["uni100", "pop100"])
def test_a_hundred_are_drawn_where_the_name_says_so(name: str) -> None:
    assert catalog.load("protocols", name).NEGATIVES == 100


def test_full_ranking_draws_nothing() -> None:
    assert negatives(short(3, 12), "full") is None


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    a, b, c = (negatives(short(5, 300), "uni100", seed=seed) for seed in (0, 0, 1))
    assert a is not None
    assert b is not None
    assert c is not None
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("draws", [13, 2**24])
def test_uniform_draws_are_uniform_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch, draws: int) -> None:
    monkeypatch.setattr(_draw, "DRAWS", draws * 14)
    sequences = short(4000, 14)
    drawn = _draw.drawn(sequences, split(sequences).test, torch.ones(14), 3, 0, False)
    share = torch.bincount(drawn.flatten(), minlength=15)[5:] / drawn.numel()
    assert (share - 0.1).abs().max() < 0.012


def test_popular_items_are_drawn_by_their_count_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    pop100 = catalog.load("protocols", "pop100")
    monkeypatch.setattr(pop100, "NEGATIVES", 1)
    # In training item 1 stands three times as often as item 2; the last users have seen neither. What stands in
    # held-out events, 5 and 8 and 9, counts for nothing.
    flat = torch.tensor([1, 1, 5, 5] * 3 + [2, 2, 5, 5] + [6, 7, 8, 9] * 4000)
    sequences = Sequences(flat, torch.arange(0, len(flat) + 1, 4), 9, torch.arange(len(flat) // 4))
    drawn = pop100.negatives(sequences, split(sequences), "test", 0, False)[4:, 0]
    ones, twos = (drawn == 1).sum(), (drawn == 2).sum()
    assert set(drawn.tolist()) == {1, 2}
    assert abs(ones / (ones + twos) - 0.75) < 0.03


@pytest.mark.parametrize("name", ["uni100", "pop100"])
def test_negatives_of_a_validation_target_may_be_what_is_tested_later(name: str) -> None:
    # Without it the validation would tell what the user's next item is. All other items are drawn: there are 100.
    histories = [[*range(1 + j, 104), *range(1, 1 + j)][:4] for j in range(103)]
    sequences = Sequences(torch.tensor(histories).flatten(), torch.arange(0, 4 * 103 + 1, 4), 103, torch.arange(103))
    drawn = negatives(sequences, name, "valid")
    assert drawn is not None
    assert [sorted({*range(1, 104)} - {*row}) for row in drawn.tolist()] == [sorted(one[:3]) for one in histories]


def test_too_few_items_to_draw_from_is_an_error() -> None:
    with pytest.raises(DataError, match="use --protocol full"):
        negatives(short(5, 50), "uni100")


def test_one_user_with_too_few_items_left_is_an_error() -> None:
    # The last has had all but 99 of 120 items, the others hardly any.
    histories = [[1, 2, 3, 4]] * 5 + [[*range(1, 22)]]
    offsets = torch.tensor([0, *map(len, histories)]).cumsum(0)
    sequences = Sequences(torch.tensor([item for one in histories for item in one]), offsets, 120, torch.arange(6))
    with pytest.raises(DataError, match="fewer than 100 items left"):
        negatives(sequences, "uni100")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "full"])
def test_what_was_seen_is_drawn_only_where_it_is_ranked_and_the_gold_never(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of twelve items each user has had ten, all of which are trained on somewhere; the eleventh is the gold.
    histories = [[*range(1, 12)], [*range(12, 1, -1)]] * 20
    offsets = torch.tensor([0, *map(len, histories)]).cumsum(0)
    sequences = Sequences(torch.tensor([i for one in histories for i in one]), offsets, 12, torch.arange(40))
    module = catalog.load("protocols", name)
    monkeypatch.setattr(module, "NEGATIVES", 3)
    drawn = module.negatives(sequences, split(sequences), "test", 0, True)
    golds = sequences.flat[split(sequences).test.place]
    assert not (drawn == golds[:, None]).any()
    seen = [len({*row} & {*history[:-1]}) for row, history in zip(drawn.tolist(), histories, strict=True)]
    assert sum(seen) > 2 * len(seen)
    with pytest.raises(DataError, match="items left as negatives"):
        module.negatives(sequences, split(sequences), "test", 0, False)
