"""GRU4Rec against its gates, written out step by step."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.gru4rec import Model
from linrec_cli.settings import Train, resolved

Made = Callable[..., Batch]


def made(layers: int = 2, heads: int = 1, items: int = 9, width: int = 6) -> Model:
    torch.manual_seed(0)
    return Model(Facts(items), 12, "", width=width, heads=heads, layers=layers, dropout=0.4).double().eval()


def gated(x: Tensor, inward: Tensor, inner: Tensor) -> Tensor:
    """Follow one layer of `x [T, C]`: a reset gate, an update gate and a candidate, without biases."""
    h, rows = x.new_zeros(inner.shape[1]), []
    for event in x:
        (r, z, n), (hr, hz, hn) = (inward @ event).chunk(3), (inner @ h).chunk(3)
        reset, update = 1 / (1 + torch.exp(-r - hr)), 1 / (1 + torch.exp(-z - hz))
        h = update * h + (1 - update) * torch.tanh(n + reset * hn)
        rows.append(h)
    return torch.stack(rows)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_encoder_is_its_formula(batch: Made, layers: int, twice: nn.Module) -> None:
    model, items = made(layers), [3, 1, 4, 1, 5]
    # Doubled where training drops, so that the place of it shows.
    model.dropout = twice
    w, x = model.state_dict(), 2 * model.items.weight.detach()[items]
    for layer in range(layers):
        x = gated(x, w[f"recurrent.weight_ih_l{layer}"], w[f"recurrent.weight_hh_l{layer}"])
    assert x.shape == (5, 12)
    expected = x @ w["outward.weight"].T + w["outward.bias"]
    torch.testing.assert_close(model.encode(batch(items))[0], expected)
    torch.testing.assert_close(model.query(batch(items, [2] * 9))[0], expected[-1])


def test_weights_begin_as_xavier_has_them() -> None:
    model = made(items=3000, width=64)
    assert abs(float(model.items.weight[1:].detach().std()) / (2 / (3000 + 64)) ** 0.5 - 1) < 0.02
    assert (model.items.weight[0] == 0).all()
    weights = dict(model.recurrent.named_parameters())
    assert set(weights) == {f"weight_{kind}_l{layer}" for kind in ("ih", "hh") for layer in (0, 1)}
    for weight in weights.values():
        bound = (6 / sum(weight.shape)) ** 0.5
        assert 0.99 * bound < float(weight.detach().abs().max()) <= bound


def test_items_are_scored_by_the_embeddings_that_are_read(batch: Made) -> None:
    model = made()
    assert model.table() is model.items.weight
    query = model.query(batch([3, 1]))
    torch.testing.assert_close(model.scores(query)[0], (model.items.weight[1:] @ query[0]).float())


def test_heads_change_nothing(batch: Made) -> None:
    assert torch.equal(made(heads=1).encode(batch([3, 1, 4])), made(heads=3).encode(batch([3, 1, 4])))


def test_it_takes_no_mechanism() -> None:
    assert resolved(Train(model="gru4rec")).attn == ""
    with pytest.raises(UsageError, match="gru4rec takes no --attn"):
        resolved(Train(model="gru4rec", attn="linear"))
