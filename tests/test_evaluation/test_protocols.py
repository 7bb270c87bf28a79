import pytest
import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.evaluation import protocols


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(protocols, "NEGATIVES", 3)
    return 3


def short(users: int, items: int) -> Sequences:
    """Histories of four events whose training part is always items 1 and 2."""
    flat = torch.tensor([1, 2, 3, 4]).repeat(users)
    return Sequences(flat, torch.arange(0, 4 * users + 1, 4), items, torch.arange(1, users + 1))


@pytest.mark.parametrize("stage", ["valid", "test"])
def test_negatives_are_distinct_and_neither_gold_nor_seen(few: int, stage: str) -> None:
    sequences = short(50, 12)
    drawn = protocols.negatives(sequences, stage, "uni100", 0)
    assert drawn.shape == (50, few)
    assert all(len(set(row)) == few for row in drawn.tolist())
    taken = {1, 2, 3} if stage == "valid" else {1, 2, 3, 4}
    assert not taken & set(drawn.flatten().tolist())


def test_the_same_seed_draws_the_same_and_another_does_not(few: int) -> None:
    a, b, c = (protocols.negatives(short(50, 40), "test", "uni100", seed) for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_uniform_draws_are_uniform(few: int) -> None:
    drawn = protocols.negatives(short(8000, 14), "test", "uni100", 0)
    share = torch.bincount(drawn.flatten(), minlength=15)[5:] / drawn.numel()
    assert (share - 0.1).abs().max() < 0.01


def test_popular_items_are_drawn_by_their_count_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "NEGATIVES", 1)
    # In training item 1 stands three times as often as item 2; the last user has seen neither.
    flat = torch.tensor([1, 1, 5, 5] * 3 + [2, 2, 5, 5] + [6, 7, 8, 9] * 4000)
    sequences = Sequences(flat, torch.arange(0, len(flat) + 1, 4), 9, torch.arange(len(flat) // 4))
    drawn = protocols.negatives(sequences, "test", "pop100", 0)[4:, 0]
    ones, twos = (drawn == 1).sum(), (drawn == 2).sum()
    assert set(drawn.tolist()) == {1, 2}
    assert abs(ones / (ones + twos) - 0.75) < 0.03


def test_too_few_items_to_draw_from_is_an_error() -> None:
    with pytest.raises(DataError, match="use --protocol full"):
        protocols.negatives(short(5, 50), "test", "uni100", 0)
