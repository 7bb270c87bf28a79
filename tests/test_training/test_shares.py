"""What each of several processes has of a batch, and what they add up."""

import pytest
import torch
from torch import Tensor, nn

from linrec_cli import processes
from linrec_cli.data.batch import Batch
from linrec_cli.losses._draw import Draw
from linrec_cli.training import seeds, shares

ROWS, WIDTH = 5, 4
TARGETS = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 0], [0, 6, 0, 0], [5, 0, 0, 0], [8, 0, 0, 0]])


def batch(places: bool) -> Batch:
    items = torch.arange(1, ROWS * WIDTH + 1).view(ROWS, WIDTH)
    times = 100 * items
    found = TARGETS.flatten().nonzero()[:, 0]
    return Batch(items, torch.arange(ROWS), TARGETS, len(found), times, times + 1, found if places else None)


def among(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    monkeypatch.setattr(processes, "rank", lambda: rank)
    monkeypatch.setattr(processes, "count", lambda: count)


def hit(share: shares.Share) -> list[int]:
    assert share.batch.targets is not None
    assert share.batch.places is not None
    return share.batch.targets.flatten()[share.batch.places].tolist()


@pytest.mark.parametrize("places", [True, False])
@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_every_row_and_prediction_is_one_processes(monkeypatch: pytest.MonkeyPatch, count: int, places: bool) -> None:
    whole, golds, rows, weight = batch(places), [0] * 10, [], 0.0
    for rank in range(count):
        among(monkeypatch, rank, count)
        share = shares.share(whole)
        assert share.own is not None
        assert share.predictions == 10
        assert share.batch.count == len(share.own)
        weight += share.weight
        if rank >= ROWS:
            assert (share.weight, share.batch.items.tolist()) == (0.0, whole.items[:1].tolist())
            assert hit(share) == [3, 1, 4, 1]
            continue
        assert share.weight == pytest.approx(len(share.own) / 10)
        rows += share.batch.items.tolist()
        first = share.batch.items[:, 0]
        assert share.batch.lengths.tolist() == ((first - 1) // WIDTH).tolist()
        assert share.batch.times is not None
        assert share.batch.target_times is not None
        assert torch.equal(share.batch.times, 100 * share.batch.items)
        assert torch.equal(share.batch.target_times, share.batch.times + 1)
        for number, gold in zip(share.own.tolist(), hit(share), strict=True):
            assert golds[number] == 0
            golds[number] = gold
    assert golds == [3, 1, 4, 1, 5, 9, 2, 6, 5, 8]
    assert sorted(rows) == whole.items.tolist()
    assert weight == pytest.approx(1.0)


def test_longest_rows_are_dealt_out_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    among(monkeypatch, 1, 2)
    assert shares.share(batch(True)).batch.lengths.tolist() == [1, 3]


def test_one_process_has_the_batch_itself() -> None:
    whole = batch(True)
    share, draw = shares.share(whole), Draw(torch.ones(9))
    assert share.batch is whole
    assert share.draw(draw) is draw
    loss = torch.tensor(0.5)
    assert share.weighted(loss) is loss


def test_negatives_of_a_prediction_are_those_that_one_process_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(4)
    expected = Draw(torch.ones(50)).each(10, 3)
    for rank in (0, 1):
        among(monkeypatch, rank, 2)
        share = shares.share(batch(True))
        torch.manual_seed(4)
        assert share.own is not None
        assert torch.equal(share.draw(Draw(torch.ones(50))).each(len(share.own), 3), expected[share.own])


def test_what_is_dropped_differs_and_what_is_drawn_after_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds.seed("cpu", 3)
    once = torch.rand(4)
    dropped, drawn = [], []
    for rank in range(3):
        among(monkeypatch, rank, 3)
        seeds.seed("cpu", 3)
        with shares.apart("cpu"):
            dropped.append(torch.rand(4 + rank)[:4])
        drawn.append(torch.rand(4))
    assert len({tuple(one.tolist()) for one in dropped}) == 3
    assert all(torch.equal(one, once) for one in drawn)


def test_gradients_and_losses_are_added_up_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Tensor] = []

    def summed(x: Tensor) -> Tensor:
        sent.append(x.clone())
        return x.mul_(3)

    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1), nn.Linear(1, 1))
    among(monkeypatch, 0, 3)
    monkeypatch.setattr(processes, "summed", summed)
    loss = model[1](model[0](torch.ones(1, 2))).sum()
    loss.backward()
    before = [None if one.grad is None else one.grad.clone() for one in model.parameters()]
    assert float(shares.added(model, loss)) == pytest.approx(3 * float(loss.detach()))
    # One tensor, without those of what took no part.
    assert [len(one) for one in sent] == [6 + 3 + 3 + 1 + 1]
    for own, parameter in zip(before, model.parameters(), strict=True):
        assert (own is None) == (parameter.grad is None)
        if own is not None and parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, 3 * own)
