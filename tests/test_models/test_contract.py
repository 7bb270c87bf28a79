"""What every model promises, checked over the folder."""

import pytest
import torch

from linrec_cli import catalog

NAMES = catalog.names("models")


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = catalog.load("models", name).Model(
        9, 12, "softmax", width=8, heads=2, layers=2, dropout=0.5
    )
    return model


@pytest.mark.parametrize("name", NAMES)
def test_encode_gives_a_row_a_position_and_padding_changes_nothing(name: str) -> None:
    model = made(name).eval()
    items, length = torch.tensor([[3, 1, 4, 1]]), torch.tensor([4])
    alone = model.encode(items, length)
    padded = model.encode(torch.cat([items, torch.zeros(1, 5, dtype=torch.long)], 1), length)
    assert alone.shape == (1, 4, 8)
    torch.testing.assert_close(padded[:, :4], alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_trained_on_every_position_does_not_see_the_future(name: str) -> None:
    if catalog.load("models", name).OBJECTIVE != "next-item":
        pytest.skip("not trained on every position")
    model = made(name).eval()
    a, b = (model.encode(torch.tensor([[3, 1, 4, last]]), torch.tensor([4])) for last in (1, 9))
    torch.testing.assert_close(a[:, :3], b[:, :3], rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_of_padding_are_zero_and_every_item_has_some(name: str) -> None:
    weights = made(name).items.weight
    assert weights.shape == (10, 8)
    assert (weights[0] == 0).all()
    assert (weights[1:].norm(dim=1) > 0).all()
