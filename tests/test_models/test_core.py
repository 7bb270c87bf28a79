"""CORE against a sample a prefix, as it is published; sums of exponentials that would overflow; dropped items."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts
from linrec_cli.models.core import Model, summed

Made = Callable[..., Batch]


def made(attention: str = "softmax", maxlen: int = 150, dropout: float = 0.0, **options: object) -> Model:
    """Make a model in float64 whose weights are all away from where they begin."""
    torch.manual_seed(0)
    model = Model(Facts(9), maxlen, attention, width=6, heads=2, layers=2, dropout=dropout, **options).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
        model.items.weight[0] = 0
    return model


def of_prefix(model: Model, items: list[int]) -> Tensor:
    """Encode a history as one sample: a softmax over its positions, and a mean of its items."""
    w = model.state_dict()
    embedded = torch.stack([w["items.weight"][item] for item in items])
    x = embedded + w["positions.weight"][: len(items)]
    x = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    x = (x * w["norm.weight"] + w["norm.bias"])[None]
    for block in model.blocks:
        x = block(x, torch.tensor([len(items)]))
    alpha = (x[0] @ w["weight.weight"][0] + w["weight.bias"]).softmax(0)
    mean = sum(share * row for share, row in zip(alpha, embedded, strict=True))
    return mean / mean.norm() / model.temperature


@pytest.mark.parametrize("attention", ["softmax", "linear"])
def test_each_position_is_what_its_prefix_alone_would_give(batch: Made, attention: str) -> None:
    model = made(attention, temperature=0.2)
    items = (torch.arange(150) ** 2 % 9 + 1).tolist()
    found = model.encode(batch(items))[0]
    # About 64 positions are summed together, then the next ones.
    for length in (1, 2, 5, 49, 50, 51, 100, 150):
        torch.testing.assert_close(found[length - 1], of_prefix(model, items[:length]))


def softmaxed(x: Tensor, weight: Tensor) -> Tensor:
    """Take the mean of each prefix, of which only the direction is promised."""
    means = [(weight[0, : t + 1].softmax(0)[:, None] * x[0, : t + 1]).sum(0) for t in range(x.shape[1])]
    return torch.nn.functional.normalize(torch.stack(means), dim=1)


@pytest.mark.parametrize("spread", [1.0, 50.0, 5000.0])
@pytest.mark.parametrize("order", ["drawn", "rising", "falling"])
def test_weights_of_any_size_are_summed_without_overflow(spread: float, order: str) -> None:
    torch.manual_seed(0)
    weight = (torch.randn(1, 130) * spread).double()
    if order != "drawn":
        weight = weight.sort(1, descending=order == "falling").values
    x, gradient = torch.randn(1, 130, 4, dtype=torch.float64), torch.randn(130, 4, dtype=torch.float64)
    weight.requires_grad_()
    x.requires_grad_()
    found = torch.nn.functional.normalize(summed(x, weight)[0], dim=1)
    expected = softmaxed(x, weight)
    torch.testing.assert_close(found, expected)
    grads, twins = (torch.autograd.grad((one * gradient).sum(), (x, weight)) for one in (found, expected))
    torch.testing.assert_close(grads[0], twins[0])
    torch.testing.assert_close(grads[1], twins[1])
    small = summed(x.float(), weight.float())
    assert small.isfinite().all()
    assert (small.norm(dim=2) > 1e-4).all()


def test_a_history_of_one_item_lies_on_that_item(batch: Made) -> None:
    model = made()
    scores = model.scores(model.query(batch([5] * 7)))[0].detach()
    assert float(scores[4]) == pytest.approx(1 / 0.07, rel=1e-6)
    assert int(scores.argmax()) == 4


def test_items_are_dropped_where_they_are_read_and_where_they_are_scored(batch: Made) -> None:
    model = made(item_dropout=0.5).train()
    for rows in (model.table()[1:], model.encode(batch([3], [4], [5], [6], [7]))[:, 0]):
        dropped = rows == 0
        assert 0.2 < float(dropped.double().mean()) < 0.8
        assert len({tuple(row) for row in dropped.tolist()}) > 1
    real = model.table()[1:].norm(dim=1)
    assert ((real - 1).abs() < 1e-9).all()
    kept = made(item_dropout=0.0).train()
    assert torch.equal(kept.table(), kept.eval().table())


def test_what_is_encoded_is_dropped_before_the_blocks_too_and_apart_from_items(batch: Made) -> None:
    model = made(dropout=0.5, item_dropout=0.0).train()
    model.blocks = torch.nn.ModuleList()
    one, other = (model.encode(batch([3, 4, 6, 2]))[0] for _ in range(2))
    assert (one[1:] - other[1:]).abs().amax(1).min() > 1e-3
    # Of one item, whatever it weighs, only that item is left.
    torch.testing.assert_close(one[0], model.table()[3] / 0.07)


def test_embeddings_begin_uniform_and_the_rest_as_in_bert() -> None:
    torch.manual_seed(0)
    model = Model(Facts(500), 20, "linear", width=64, heads=2, layers=1, dropout=0.1)
    items = model.items.weight.detach()
    assert (items[0] == 0).all()
    assert float(items.abs().max()) == pytest.approx(1 / 8, rel=0.01)
    assert float(items[1:].std()) == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)
    assert float(model.positions.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert (model.norm.weight == 1).all()
