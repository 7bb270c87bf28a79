"""Mamba4Rec against its formula, written out step by step, head by head."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.mamba4rec import Model
from linrec_cli.settings import Train, resolved

Made = Callable[..., Batch]


def made(layers: int = 2, heads: int = 2) -> Model:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "", width=6, heads=heads, layers=layers, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def norm(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-12).sqrt()
    return x * w[f"{at}.weight"] + w[f"{at}.bias"]


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def mixed(x: Tensor, w: dict[str, Tensor], at: str, heads: int) -> Tensor:
    """Follow the state space of Mamba-2 through `x [T, 6]`: 12 channels in heads, a state of 32 numbers a channel."""
    projected = x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"]
    filters, rows, size = w[f"{at}.convolution.filters"], [], 12 // heads
    states = [x.new_zeros(32, size) for _ in range(heads)]
    for t in range(len(x)):
        convolved = silu(sum(filters[lag] * projected[t - lag] for lag in range(min(t + 1, 4))))
        u, b, c = convolved[:12], convolved[12:44], convolved[44:]
        out = []
        for head in range(heads):
            own = u[head * size : (head + 1) * size]
            dt = torch.log(1 + torch.exp(w[f"{at}.rate.weight"][head] @ x[t] + w[f"{at}.bias"][head]))
            fade = torch.exp(-torch.exp(w[f"{at}.decay"][head]) * dt)
            states[head] = fade * states[head] + dt * torch.outer(b, own)
            out.append(c @ states[head] + w[f"{at}.skip"][head] * own)
        y = torch.cat(out) * silu(w[f"{at}.gate.weight"] @ x[t])
        rows.append(w[f"{at}.outward.weight"] @ (y / (y.square().mean() + 1e-5).sqrt()))
    return torch.stack(rows)


def fed(x: Tensor, w: dict[str, Tensor], at: str, drop: float) -> Tensor:
    inner = x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"]
    inner = drop * inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
    return norm(x + drop * (inner @ w[f"{at}.outward.weight"].T + w[f"{at}.outward.bias"]), w, f"{at}.norm")


@pytest.mark.parametrize(("layers", "heads", "drop"), [(1, 2, 1), (2, 1, 1), (2, 2, 2), (2, 6, 1)])
def test_the_encoder_is_its_formula(batch: Made, layers: int, heads: int, drop: int, twice: nn.Module) -> None:
    model, items = made(layers, heads), [3, 1, 4, 1, 5, 9, 2]
    if drop == 2:
        for module in [*model.modules()]:
            if hasattr(module, "dropout"):
                module.dropout = twice
    w = model.state_dict()
    x = norm(drop * w["items.weight"][items], w, "norm")
    for layer in range(layers):
        y = drop * mixed(x, w, f"blocks.{layer}.space", heads)
        # A single layer has no residual connection around its state space.
        x = fed(norm(y + x if layers > 1 else y, w, f"blocks.{layer}.norm"), w, f"blocks.{layer}.feedforward", drop)
    found = model.encode(batch(items))[0]
    torch.testing.assert_close(found, x)
    torch.testing.assert_close(model.query(batch(items, [2] * 9))[0], x[-1])


def test_weights_begin_as_stated() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 50, "", width=64, heads=4, layers=1, dropout=0.1)
    space = model.blocks[0].space
    for weight in (model.items.weight[1:], space.inward.weight, space.gate.weight, space.outward.weight):
        assert abs(float(weight.detach().std()) - 0.02) < 0.001
    dt = torch.log1p(torch.exp(space.bias.detach())).tolist()
    assert dt == pytest.approx([10 ** -(1 + 2 * head / 3) for head in range(4)], rel=1e-4)
    assert space.decay.detach().exp().tolist() == pytest.approx([1, 6, 11, 16])
    assert space.skip.tolist() == [1, 1, 1, 1]
    assert float(space.convolution.filters.detach().abs().max()) == pytest.approx(0.5, abs=0.01)


def test_a_state_has_32_numbers_a_channel_and_three_inputs_of_the_convolution() -> None:
    shapes = [tuple(part.shape) for part in made(heads=3).start(5)]
    assert shapes == 2 * [(5, 3, 32, 4), (5, 3, 12 + 64)]


def test_items_are_scored_by_the_embeddings_that_are_read() -> None:
    model = made()
    assert model.table() is model.items.weight


def test_it_takes_no_mechanism() -> None:
    assert resolved(Train(model="mamba4rec")).attn == ""
    with pytest.raises(UsageError, match="mamba4rec takes no --attn"):
        resolved(Train(model="mamba4rec", attn="linear"))
