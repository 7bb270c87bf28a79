"""LightSANs against its formula, one user, head and position at a time."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.lightsans import Model

Made = Callable[..., Batch]
WIDTH, HEADS, INTERESTS = 6, 2, 3
SIZE = WIDTH // HEADS
Weights = dict[str, Tensor]


def made(layers: int = 2) -> Model:
    """Make a model in float64 whose weights are all away from where they begin."""
    torch.manual_seed(0)
    how = {"width": WIDTH, "heads": HEADS, "layers": layers, "dropout": 0.4}
    model = Model(Facts(9), 12, "", interests=INTERESTS, **how).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter)
        model.items.weight[0] = 0
    return model


def norm(x: Tensor, w: Weights, at: str) -> Tensor:
    x = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return x * w[f"{at}.weight"] + w[f"{at}.bias"]


def linear(x: Tensor, w: Weights, at: str) -> Tensor:
    return x @ w[f"{at}.weight"].T + w[f"{at}.bias"]


def interests(x: Tensor, theta: Tensor) -> Tensor:
    """Aggregate `x [T, C]`: an interest is a mean over positions, weighted by a softmax."""
    return torch.stack([((x @ column).softmax(0)[:, None] * x).sum(0) for column in theta.T])


def mixed(x: Tensor, positions: Tensor, w: Weights, at: str) -> Tensor:
    """Mix `x [T, C]` of a whole history, without padding."""
    q, k, v = linear(x, w, f"{at}.block.attention.inward").chunk(3, 1)
    keys, values = (interests(one, w[f"{at}.block.attention.thetas.{n}"]) for n, one in enumerate((k, v)))
    pq, pk = linear(norm(positions, w, f"{at}.norm"), w, f"{at}.placed").chunk(2, 1)
    out = []
    for head in range(HEADS):
        part = slice(head * SIZE, (head + 1) * SIZE)
        by_item = (q[:, part] @ keys[:, part].T / math.sqrt(SIZE)).softmax(1) @ values[:, part]
        by_place = (pq[:, part] / math.sqrt(2 * SIZE) @ pk[:, part].T / math.sqrt(SIZE)).softmax(1) @ v[:, part]
        out.append(by_item + by_place)
    return linear(torch.cat(out, 1), w, f"{at}.block.attention.outward")


def encoded(items: list[int], w: Weights) -> Tensor:
    x = norm(torch.stack([w["items.weight"][item] for item in items]), w, "norm")
    for at in ("layers.0", "layers.1"):
        x = norm(x + mixed(x, w["positions.weight"][: len(x)], w, at), w, f"{at}.block.norms.0")
        inner = linear(x, w, f"{at}.block.inward")
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        x = norm(x + linear(inner, w, f"{at}.block.outward"), w, f"{at}.block.norms.1")
    return x


def test_the_encoder_is_its_formula_and_padding_takes_no_part(batch: Made) -> None:
    model, some = made(), ([3, 1, 4, 1, 5], [9, 2], [6])
    found = model.encode(batch(*some))
    for row, items in zip(found, some, strict=True):
        torch.testing.assert_close(row[: len(items)], encoded(items, model.state_dict()))
    queries = model.query(batch(*some))
    torch.testing.assert_close(queries[1], found[1, 1])
    torch.testing.assert_close(model.scores(queries), (queries @ model.items.weight[1:].T).float())


def test_without_scores_of_positions_order_does_not_matter(batch: Made) -> None:
    model = made()
    with torch.no_grad():
        for layer in model.layers:
            layer.placed.weight.zero_()
            layer.placed.bias.zero_()
    found, turned = (model.encode(batch(items))[0] for items in ([3, 1, 4, 5], [5, 4, 1, 3]))
    torch.testing.assert_close(found, turned.flip(0))


def test_there_must_be_an_interest() -> None:
    with pytest.raises(UsageError, match="give 1 to 4,096"):
        Model(Facts(9), 12, "", width=6, heads=2, layers=1, dropout=0.0, interests=0)


def test_items_are_dropped_before_the_layers_too(batch: Made) -> None:
    model = made().train()
    model.layers = torch.nn.ModuleList()
    found = model.encode(batch([3, 1, 4, 1, 5]))
    assert 0 < int((found == 0).sum()) < found.numel()


def test_weights_begin_as_stated() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 50, "", width=64, heads=2, layers=1, dropout=0.1)
    layer = model.layers[0]
    for weight in (model.items.weight[1:], model.positions.weight, layer.placed.weight, layer.block.inward.weight):
        assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert layer.block.attention.thetas[0].shape == (64, 20)
    assert float(layer.block.attention.thetas[0].detach().std()) == pytest.approx(1, rel=0.1)
