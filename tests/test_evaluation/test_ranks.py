import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.sequences import Sequences, histories
from linrec_cli.errors import LinrecError
from linrec_cli.evaluation import ranks as room
from linrec_cli.evaluation.ranks import place, ranks


class Rounded(nn.Module):
    """Encodes a history as the sum of its items' rows; small whole numbers, so that scores tie often."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.items = nn.Embedding(items + 1, 3).requires_grad_(False)
        self.positions = nn.Embedding(64, 3)
        generator = torch.Generator().manual_seed(0)
        self.items.weight.data = torch.randint(-2, 3, (items + 1, 3), generator=generator).float()

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        return (self.items(items) * (items > 0)[:, :, None]).cumsum(1)


def brute(model: Rounded, sequences: Sequences, stage: str, maxlen: int, seen: str) -> list[float]:
    found = []
    for begin, end in zip(sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True):
        history = sequences.flat[begin : end - (2 if stage == "valid" else 1)].tolist()
        gold = int(sequences.flat[end - (2 if stage == "valid" else 1)])
        taste = sum(model.items.weight[item] for item in history[-maxlen:])
        scores = {item: float(model.items.weight[item] @ taste) for item in range(1, sequences.count + 1)}
        others = [s for item, s in scores.items() if item != gold and not (seen == "remove" and item in history)]
        better, equal = sum(s > scores[gold] for s in others), sum(s == scores[gold] for s in others)
        found.append(1 + better + equal / 2)
    return found


@pytest.mark.parametrize("stage", ["valid", "test"])
@pytest.mark.parametrize("seen", ["remove", "rank"])
@pytest.mark.parametrize("chunk", [31, 2**20])
def test_ranks_equal_a_brute_force_count(
    sequences: Sequences, monkeypatch: pytest.MonkeyPatch, stage: str, seen: str, chunk: int
) -> None:
    monkeypatch.setitem(room.SCORES, "cpu", chunk)
    monkeypatch.setitem(room.TOKENS, "cpu", 150)
    model = Rounded(sequences.count)
    found = ranks(model, sequences, stage, 20, seen=seen)
    assert found.tolist() == brute(model, sequences, stage, 20, seen)


def test_the_gold_is_ranked_even_where_it_stands_in_the_history(sequences: Sequences) -> None:
    repeats = [
        int(sequences.flat[end - 1]) in sequences.flat[begin : end - 1].tolist()
        for begin, end in zip(sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True)
    ]
    assert any(repeats)
    assert ranks(Rounded(sequences.count), sequences, "test", 20).isfinite().all()


def test_among_negatives_the_gold_meets_only_them(sequences: Sequences) -> None:
    model = Rounded(sequences.count)
    _, _, gold = histories(sequences, "test", 20)
    others = torch.stack([gold % sequences.count + 1, (gold + 1) % sequences.count + 1], 1)
    found = ranks(model, sequences, "test", 20, negatives=others)
    assert found.min() >= 1
    assert found.max() <= 3
    everyone = torch.arange(1, sequences.count + 1).repeat(len(gold), 1)
    without = everyone[everyone != gold[:, None]].view(len(gold), -1)
    torch.testing.assert_close(
        ranks(model, sequences, "test", 20, negatives=without),
        ranks(model, sequences, "test", 20, seen="rank"),
    )


def test_equal_scores_share_their_mean_rank() -> None:
    assert place(torch.tensor([[1.0, 1.0, 1.0], [3.0, 2.0, 1.0]]), torch.tensor([2, 1])).tolist() == [
        2.0,
        2.0,
    ]


def test_scores_that_are_not_finite_are_an_error(sequences: Sequences) -> None:
    model = Rounded(sequences.count)
    model.items.weight.data[5] = torch.nan
    with pytest.raises(LinrecError, match="not finite"):
        ranks(model, sequences, "test", 20)
