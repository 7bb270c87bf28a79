"""SASRecF's encoder against its formula."""

from collections.abc import Callable

import torch
from torch import nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts
from linrec_cli.models.sasrecf import Model

FEATURES = {"genres": torch.arange(10)[:, None] % 4 < torch.tensor([1, 2, 3]), "makers": torch.eye(10).bool()}


def test_an_item_is_projected_beside_the_sums_of_its_fields_and_read_by_causal_blocks(
    batch: Callable[..., Batch], twice: nn.Module
) -> None:
    torch.manual_seed(0)
    model = Model(Facts(9, FEATURES), 12, "softmax", width=6, heads=2, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    model.dropout = twice
    w, items = model.state_dict(), [3, 1, 4, 1, 5]
    rows = []
    for place, item in enumerate(items):
        beside = [w["items.weight"][item]]
        for number, known in enumerate(FEATURES.values()):
            # An item of no value, as 3 is of the first field, sums to zero.
            own = [w[f"fields.{number}.values.weight"][value] for value in known[item].nonzero()[:, 0]]
            beside.append(sum(own, torch.zeros(6, dtype=torch.float64)))
        x = w["joined.weight"] @ torch.cat(beside) + w["joined.bias"] + w["positions.weight"][place]
        x = 2 * (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt() * w["norm.weight"] + 2 * w["norm.bias"]
        rows.append(x)
    expected = torch.stack(rows)[None]
    for block in model.blocks:
        assert block.attention.causal
        expected = block(expected, torch.tensor([5]))
    torch.testing.assert_close(model.encode(batch(items)), expected)
    torch.testing.assert_close(model.query(batch(items)), expected[:, -1])
    assert model.table() is model.items.weight
