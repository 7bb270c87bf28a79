"""SASRec's encoder against its formula, written out step by step."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._recommender import Facts
from linrec_cli.models.sasrec import Model


def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt() * weight + bias


def attended(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    """Mix `x [T, C]` by causal softmax in one head."""
    q, k, v = (x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"]).chunk(3, 1)
    rows = []
    for t in range(len(x)):
        scores = torch.stack([q[t] @ k[s] / math.sqrt(len(q[t])) for s in range(t + 1)]).exp()
        rows.append((scores[:, None] * v[: t + 1]).sum(0) / scores.sum())
    return torch.stack(rows) @ w[f"{at}.outward.weight"].T + w[f"{at}.outward.bias"]


def test_the_encoder_is_its_formula(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "softmax", width=6, heads=1, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    w, items = model.state_dict(), [3, 1, 4, 1, 5]
    x = torch.stack([w["items.weight"][item] * math.sqrt(6) + w["positions.weight"][t] for t, item in enumerate(items)])
    for layer in ("blocks.0", "blocks.1"):
        x = x + attended(norm(x, w[f"{layer}.norms.0.weight"], w[f"{layer}.norms.0.bias"]), w, f"{layer}.attention")
        inner = norm(x, w[f"{layer}.norms.1.weight"], w[f"{layer}.norms.1.bias"])
        inner = inner @ w[f"{layer}.inward.weight"].T + w[f"{layer}.inward.bias"]
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        x = x + inner @ w[f"{layer}.outward.weight"].T + w[f"{layer}.outward.bias"]
    expected = norm(x, w["norm.weight"], w["norm.bias"])
    torch.testing.assert_close(model.encode(batch(items))[0], expected)
    torch.testing.assert_close(model.query(batch(items))[0], expected[-1])


def test_weights_begin_as_stated() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 50, "linear", width=64, heads=2, layers=1, dropout=0.1)
    assert abs(float(model.items.weight[1:].detach().std()) - 0.02) < 0.001
    assert abs(float(model.blocks[0].inward.weight.detach().std()) - 0.02) < 0.001
    assert (model.blocks[0].inward.bias == 0).all()


def test_scores_with_a_temperature_are_cosines_divided_by_it(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    plain, cosine = (
        Model(Facts(9), 12, "softmax", width=6, heads=1, layers=2, dropout=0.4, temperature=t).eval() for t in (0, 0.05)
    )
    cosine.load_state_dict(plain.state_dict())
    given = batch([3, 1, 4, 1, 5])
    with torch.no_grad():
        hidden, items = plain.query(given)[0], plain.items.weight
        expected = torch.stack([torch.cosine_similarity(hidden, item, dim=0) / 0.05 for item in items[1:]])
        torch.testing.assert_close(cosine.scores(cosine.query(given))[0], expected)
        torch.testing.assert_close(cosine.encode(given)[:, -1], cosine.query(given))
        assert (cosine.table()[0] == 0).all()


def test_without_positions_only_the_mechanism_tells_places_apart(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    given = batch([5] * 6)
    for attn, apart in (("softmax", False), ("softmax:rotary=true", False), ("retention", True)):
        model = Model(Facts(9), 12, attn, width=8, heads=2, layers=2, dropout=0.4, positions="none").eval()
        rows = model.encode(given)[0]
        assert bool((rows[1:] - rows[:-1]).abs().amax(1).min() > 1e-5) == apart
    with pytest.raises(UsageError, match="positions=sine is no choice; give learned or none"):
        Model(Facts(9), 12, "softmax", width=8, heads=2, layers=2, dropout=0.4, positions="sine")


def test_steps_know_of_cosines_and_of_missing_positions(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    made = {"positions": "none", "temperature": 0.05}
    model = Model(Facts(9), 12, "softmax:rotary=true", width=8, heads=2, layers=2, dropout=0.4, **made).double().eval()
    state = model.start(1)
    with torch.no_grad():
        for count, item in enumerate([3, 1, 4, 1, 5], 1):
            query, state = model.step(torch.tensor([item]), state)
            torch.testing.assert_close(query, model.query(batch([3, 1, 4, 1, 5][:count])))


def test_what_is_read_and_what_each_sublayer_gives_is_dropped(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model, shares = Model(Facts(9), 12, "linear", width=64, heads=2, layers=2, dropout=0.4).train(), []
    for module in model.modules():
        if isinstance(module, Dropout):
            module.register_forward_hook(lambda _, given, out: shares.append(float((out == 0).double().mean())))
    model.encode(batch([3, 1, 4, 1, 5, 9, 2, 6]))
    assert shares == pytest.approx([0.4] * 5, abs=0.1)


def test_as_many_events_are_taken_as_there_are_positions(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model, items = Model(Facts(9), 5, "softmax", width=8, heads=2, layers=1, dropout=0.4).eval(), [3, 1, 4, 1, 5]
    state = model.start(1)
    with torch.no_grad():
        for item in items:
            query, state = model.step(torch.tensor([item]), state)
        torch.testing.assert_close(query, model.query(batch(items)))
        with pytest.raises(IndexError):
            model.step(torch.tensor([1]), state)
