"""LinRec's backbone against its formula: norms after each sum, twice as wide inside, the last position ranked."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import gelu, layer_norm

from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._recommender import Facts
from linrec_cli.models.linrec import Model


def test_the_encoder_is_its_formula(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "linear-released", width=8, heads=2, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    w, items = model.state_dict(), [3, 1, 4, 1, 5]

    def normed(x: torch.Tensor, at: str) -> torch.Tensor:
        return layer_norm(x, (8,), w[f"{at}.weight"], w[f"{at}.bias"])

    x = normed(w["items.weight"][items] + w["positions.weight"][:5], "norm")
    for number, block in enumerate(model.blocks):
        at = f"blocks.{number}"
        x = normed(x + block.attention(x[None], torch.tensor([5]))[0], f"{at}.norms.0")
        inner = gelu(x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"])
        assert inner.shape == (5, 16)
        x = normed(x + inner @ w[f"{at}.outward.weight"].T + w[f"{at}.outward.bias"], f"{at}.norms.1")
    torch.testing.assert_close(model.encode(batch(items))[0], x)
    found = model.query(batch(items, [2]))
    torch.testing.assert_close(found[0], x[-1])
    torch.testing.assert_close(model.scores(found)[0], (x[-1] @ w["items.weight"][1:].T).float())


def test_what_is_read_and_what_each_sublayer_gives_is_dropped(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model, shares = Model(Facts(9), 12, "linear", width=64, heads=2, layers=2, dropout=0.4).train(), []
    for module in model.modules():
        if isinstance(module, Dropout):
            module.register_forward_hook(lambda _, given, out: shares.append(float((out == 0).double().mean())))
    model.encode(batch([3, 1, 4, 1, 5, 9, 2, 6]))
    assert shares == pytest.approx([0.4] * 5, abs=0.1)


def test_weights_begin_as_in_the_source_but_for_padding() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 50, "linear", width=64, heads=2, layers=1, dropout=0.1)
    for weight in (model.items.weight[1:], model.positions.weight, model.blocks[0].inward.weight):
        assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert (model.blocks[0].inward.bias == 0).all()
    assert (model.items.weight[0] == 0).all()
