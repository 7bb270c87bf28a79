"""FDSA's encoder against its formula."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts
from linrec_cli.models.fdsa import Model

Made = Callable[..., Batch]
FEATURES = {"genres": torch.arange(10)[:, None] % 4 < torch.tensor([1, 2, 3]), "makers": torch.eye(10).bool()}


def made(features: dict[str, Tensor]) -> Model:
    torch.manual_seed(0)
    model = Model(Facts(9, features), 12, "softmax", width=6, heads=2, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def weighed(w: dict[str, Tensor], item: int) -> Tensor:
    """Sum the fields of an item, each by its softmax weight."""
    means, scores = [], []
    for number, known in enumerate(FEATURES.values()):
        own = [w[f"fields.{number}.values.weight"][value] for value in known[item].nonzero()[:, 0]]
        # An item of no value, as 3 is of the first field, has a mean of zero.
        means.append(sum(own, torch.zeros(6, dtype=torch.float64)) / max(1, len(own)))
        hidden = (w["weigh.0.weight"] @ means[-1] + w["weigh.0.bias"]).clamp(min=0)
        scores.append((w["weigh.2.weight"] @ hidden + w["weigh.2.bias"]).exp())
    return sum(score * mean for score, mean in zip(scores, means, strict=True)) / sum(scores)


def norm(x: Tensor, w: dict[str, Tensor]) -> Tensor:
    scaled = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return scaled * w["norm.weight"] + w["norm.bias"]


def test_items_and_weighed_fields_are_read_apart_and_projected_together(batch: Made, twice: nn.Module) -> None:
    model, items, lengths = made(FEATURES), [3, 1, 5, 1, 2], torch.tensor([5])
    model.dropout = twice
    w, ends = model.state_dict(), []
    for rows, blocks in (
        ([w["items.weight"][item] for item in items], model.of_items),
        ([weighed(w, item) for item in items], model.of_features),
    ):
        x = 2 * norm(torch.stack(rows) + w["positions.weight"][:5], w)[None]
        for block in blocks:
            assert block.attention.causal
            x = block(x, lengths)
        ends.append(x)
    expected = 2 * norm(torch.cat(ends, 2) @ w["joined.weight"].T + w["joined.bias"], w)
    torch.testing.assert_close(model.encode(batch(items)), expected)
    torch.testing.assert_close(model.query(batch(items)), expected[:, -1])
    assert model.table() is model.items.weight


def test_a_single_field_is_weighed_by_one(batch: Made) -> None:
    model, items = made({"genres": FEATURES["genres"]}), torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(model.features(items), model.fields[0](items))


def test_the_two_encoders_share_no_weights() -> None:
    model = made(FEATURES)
    of_items, of_features = ({id(p) for p in blocks.parameters()} for blocks in (model.of_items, model.of_features))
    assert of_items
    assert not of_items & of_features
