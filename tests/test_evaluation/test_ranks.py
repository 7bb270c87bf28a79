from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences, histories
from linrec_cli.errors import LinrecError
from linrec_cli.evaluation import ranks as module
from linrec_cli.evaluation.ranks import by_target, exact, place, ranks
from linrec_cli.models._recommender import facts, last, products


class Rounded(nn.Module):
    """Encodes a history as the sum of its items' rows; small whole numbers, so that scores tie often."""

    def __init__(self, items: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.rows = torch.randint(-2, 3, (items + 1, 3), generator=generator).float()
        self.rows[0] = 0
        self.widest = 0

    def query(self, batch: Batch) -> Tensor:
        self.widest = max(self.widest, batch.items.shape[1])
        assert not self.training
        return last(self.rows[batch.items].cumsum(1), batch.lengths)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        return products(query, self.rows, items)


def brute(model: Rounded, sequences: Sequences, targets: Targets, maxlen: int, seen: str) -> list[float]:
    found = []
    for end, user in zip(targets.place.tolist(), targets.user.tolist(), strict=True):
        history, gold = sequences.flat[int(sequences.offsets[user]) : end].tolist(), int(sequences.flat[end])
        taste = sum(model.rows[item] for item in history[-maxlen:])
        scores = {item: float(model.rows[item] @ taste) for item in range(1, sequences.count + 1)}
        others = [s for item, s in scores.items() if item != gold and not (seen == "remove" and item in history)]
        better, equal = sum(s > scores[gold] for s in others), sum(s == scores[gold] for s in others)
        found.append(1 + better + equal / 2)
    return found


def test_ranks_are_as_exact_as_the_device_has_it() -> None:
    assert [exact(device) for device in ("cpu", "cuda", "mps")] == [torch.float64, torch.float64, torch.float32]
    assert (torch.tensor(2.0**22, dtype=exact("mps")) + 0.5).item() == 2.0**22 + 0.5


def test_a_history_comes_with_its_times_and_with_that_of_the_gold_where_there_is_one(sequences: Sequences) -> None:
    timed = replace(sequences, times=7 * torch.arange(len(sequences.flat)))
    start, length = torch.tensor([3, 40]), torch.tensor([4, 2])
    batch = module.read(timed, start, length, 20)
    assert batch.times is not None
    assert batch.target_times is not None
    assert [batch.times[row, :n].tolist() for row, n in enumerate((4, 2))] == [[21, 28, 35, 42], [280, 287]]
    assert [batch.target_times[row, :n].tolist() for row, n in enumerate((4, 2))] == [[28, 35, 42, 49], [287, 294]]
    assert module.read(timed, start, length, 20, told=False).target_times is None
    assert module.read(sequences, start, length, 20).target_times is None


@pytest.mark.parametrize("stage", ["valid", "test"])
@pytest.mark.parametrize("seen", ["remove", "rank"])
@pytest.mark.parametrize("chunk", [31, 2**20])
def test_ranks_equal_a_brute_force_count(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch, stage: str, seen: str, chunk: int
) -> None:
    monkeypatch.setitem(module.SCORES, "cpu", chunk)
    monkeypatch.setitem(module.TOKENS, "cpu", 150)
    model = Rounded(sequences.count)
    found = ranks(model.train(), sequences, parts.targets(stage), 20, seen=seen)
    assert found.tolist() == brute(model, sequences, parts.targets(stage), 20, seen)
    assert model.widest == 20


def test_each_of_many_targets_of_a_user_has_its_own_history(sequences: Sequences) -> None:
    begin = sequences.offsets[:-1]
    places = torch.stack([begin + 1, begin + 2, sequences.offsets[1:] - 1], 1)
    targets = Targets(places.flatten(), torch.arange(len(begin)).repeat_interleave(3))
    model = Rounded(sequences.count)
    assert ranks(model, sequences, targets, 7).tolist() == brute(model, sequences, targets, 7, "remove")


def test_the_gold_is_ranked_even_where_it_stands_in_the_history(sequences: Sequences, parts: Parts) -> None:
    ends = zip(parts.test.place.tolist(), parts.test.user.tolist(), strict=True)
    repeats = [
        int(sequences.flat[end]) in sequences.flat[int(sequences.offsets[user]) : end].tolist() for end, user in ends
    ]
    assert any(repeats)
    assert ranks(Rounded(sequences.count), sequences, parts.test, 20).isfinite().all()


def test_among_negatives_the_gold_meets_only_them(sequences: Sequences, parts: Parts) -> None:
    model = Rounded(sequences.count)
    _, _, gold = histories(sequences, parts.test, 20)
    everyone = torch.arange(1, sequences.count + 1).repeat(len(gold), 1)
    without = everyone[everyone != gold[:, None]].view(len(gold), -1)
    whole = ranks(model, sequences, parts.test, 20, negatives=without)
    torch.testing.assert_close(whole, ranks(model, sequences, parts.test, 20, seen="rank"))
    halves = [ranks(model, sequences, parts.test, 20, negatives=half) for half in without.chunk(2, 1)]
    # What stands better or equal in one half or the other does so in the whole.
    torch.testing.assert_close(halves[0] + halves[1] - 1, whole)


def test_equal_scores_share_their_mean_rank() -> None:
    scores = torch.tensor([[1.0, 1.0, 1.0], [3.0, 2.0, 1.0]])
    assert place(scores, torch.tensor([2, 1])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("negatives", [None, torch.tensor([[5]])])
def test_scores_that_are_not_finite_are_an_error(
    sequences: Sequences, parts: Parts, bad: float, negatives: Tensor | None
) -> None:
    model = Rounded(sequences.count)
    model.rows[5] = bad
    drawn = negatives if negatives is None else negatives.repeat(len(parts.test), 1)
    with pytest.raises(LinrecError, match="not finite"):
        ranks(model, sequences, parts.test, 20, negatives=drawn)


def test_ranks_stand_beside_the_ids_of_their_users() -> None:
    sequences = Sequences(torch.ones(4), torch.tensor([0, 2, 4]), 1, torch.tensor([70, 90]))
    targets = Targets(torch.tensor([1, 2, 3]), torch.tensor([0, 1, 1]))
    table = by_target(sequences, targets, torch.tensor([1.0, 2.5, 3.0]))
    assert table.rows() == [(70, 1.0), (90, 2.5), (90, 3.0)]
    assert table.columns == ["user", "rank"]


def test_histories_are_cut_out_no_wider_than_their_rounded_length(sequences: Sequences) -> None:
    start, length = sequences.offsets[:3], torch.tensor([2, 3, 1])
    assert module.read(sequences, start, length, 200).items.shape == (3, 3)
    assert module.read(sequences, start, length, 2).items.shape == (3, 2)


class Near(nn.Module):
    """Counts the scores that are as near to a gold's as rounding may bring them, or take them."""

    def __init__(self, sequences: Sequences) -> None:
        super().__init__()
        torch.manual_seed(0)
        size = {"width": 16, "heads": 2, "layers": 2, "dropout": 0.0}
        self.inner = catalog.load("models", "sasrec").Model(facts(sequences), 20, "linear", **size)

    def query(self, batch: Batch) -> Tensor:
        found: Tensor = self.inner.query(batch)
        return found

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        found: Tensor = self.inner.scores(query, items)
        return found

    def doubtful(self, sequences: Sequences, targets: Targets) -> Tensor:
        start, length, gold = histories(sequences, targets, 20)
        scores = self.scores(self.query(module.read(sequences, start, length, 20))).detach()
        of_gold = scores.gather(1, gold[:, None] - 1)
        return ((scores - of_gold).abs() < 1e-5 * scores.abs().max()).sum(1) - 1


@pytest.mark.parametrize(("tokens", "threads"), [(20, 1), (150, 1), (10**6, 1), (150, 2), (10**6, 4)])
def test_batch_size_threads_and_the_order_of_users_move_a_rank_by_what_rounding_leaves_open(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch, tokens: int, threads: int
) -> None:
    model = Near(sequences).eval()
    expected, doubtful = ranks(model, sequences, parts.test, 20), model.doubtful(sequences, parts.test)
    assert int(doubtful.sum()) < len(doubtful) / 10
    monkeypatch.setitem(module.TOKENS, "cpu", tokens)
    torch.set_num_threads(threads)
    order = torch.randperm(len(parts.test), generator=torch.Generator().manual_seed(tokens))
    turned = Targets(parts.test.place[order], parts.test.user[order])
    found = ranks(model, sequences, turned, 20)
    assert ((found - expected[order]).abs() <= doubtful[order]).all()
