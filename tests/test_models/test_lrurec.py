"""LRURec against its formula, written out step by step with complex numbers."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.lrurec import Model
from linrec_cli.settings import Train, resolved

Made = Callable[..., Batch]


def made(layers: int = 2, heads: int = 1) -> Model:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "", width=6, heads=heads, layers=layers, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def norm(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return x * w[f"{at}.weight"] + w[f"{at}.bias"]


def recurred(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    """Follow `h = lambda h + gamma (B x + b)`, `y = Re(C h) + c` for `x [T, C]`."""
    nu, theta, gamma = w[f"{at}.logarithms"].exp()
    decay = torch.exp(torch.complex(-nu, theta))
    inward, bias, outward = w[f"{at}.inward.weight"], w[f"{at}.inward.bias"], w[f"{at}.outward.weight"]
    h, rows = torch.zeros(12, dtype=torch.complex128), []
    for event in x:
        driven = torch.complex(inward[::2] @ event + bias[::2], inward[1::2] @ event + bias[1::2])
        h = decay * h + gamma * driven
        rows.append(outward[:, ::2] @ h.real + outward[:, 1::2] @ h.imag + w[f"{at}.outward.bias"])
    return torch.stack(rows)


def fed(x: Tensor, w: dict[str, Tensor], at: str, drop: float) -> Tensor:
    inner = x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"]
    assert inner.shape[1] == 4 * x.shape[1]
    inner = drop * inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
    return norm(x + drop * (inner @ w[f"{at}.outward.weight"].T + w[f"{at}.outward.bias"]), w, f"{at}.norm")


@pytest.mark.parametrize("drop", [1, 2])
def test_the_encoder_is_its_formula(batch: Made, drop: int, twice: nn.Module) -> None:
    model, items = made(), [3, 1, 4, 1, 5]
    if drop == 2:
        for module in [*model.modules()]:
            if hasattr(module, "dropout"):
                module.dropout = twice
    w = model.state_dict()
    x = norm(drop * w["items.weight"][items], w, "norm")
    for block in ("blocks.0", "blocks.1"):
        x = norm(x + drop * recurred(x, w, f"{block}.recurrence"), w, f"{block}.norm")
        x = fed(x, w, f"{block}.feedforward", drop)
    found = model.encode(batch(items))[0]
    torch.testing.assert_close(found[:, :-1], x)
    assert (found[:, -1] == 1).all()
    torch.testing.assert_close(model.query(batch(items, [2] * 9))[0], found[-1])


def test_an_items_bias_is_added_to_its_score(batch: Made) -> None:
    model = made()
    query = model.query(batch([3, 1]))
    plain = model.items.weight[1:] @ query[0, :-1]
    torch.testing.assert_close(model.scores(query)[0], (plain + model.bias[1:]).float())


def test_weights_begin_as_stated_and_decays_as_they_were_drawn() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 50, "", width=64, heads=2, layers=1, dropout=0.1)
    block = model.blocks[0]
    for weight in (model.items.weight[1:], block.recurrence.inward.weight, block.feedforward.inward.weight):
        assert abs(float(weight.detach().std()) - 0.02) < 0.001
    for bias in (model.bias, block.recurrence.inward.bias, block.feedforward.inward.bias):
        assert (bias == 0).all()
    modulus = block.recurrence.decay().detach().abs()
    assert modulus.shape == (128,)
    assert 0.8 - 1e-6 < modulus.min() < 0.85
    assert 0.97 < modulus.max() < 0.99 + 1e-6


def test_heads_change_nothing(batch: Made) -> None:
    assert torch.equal(made(heads=1).encode(batch([3, 1, 4])), made(heads=3).encode(batch([3, 1, 4])))


def test_it_takes_no_mechanism() -> None:
    assert resolved(Train(model="lrurec")).attn == ""
    with pytest.raises(UsageError, match="lrurec takes no --attn"):
        resolved(Train(model="lrurec", attn="linear"))
