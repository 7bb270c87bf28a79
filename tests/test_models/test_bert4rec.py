"""BERT4Rec: the mask after the last event, the bias of an item, and a block against its formula."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts
from linrec_cli.models.bert4rec import Model, appended

Made = Callable[..., Batch]
MASK = 10


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    made = Model(Facts(9), 6, "softmax", width=8, heads=2, layers=1, dropout=0.3).double().eval()
    with torch.no_grad():
        made.bias += torch.randn(10)
    return made


def test_the_mask_stands_after_the_last_event_and_a_full_history_gives_its_oldest_up(batch: Made) -> None:
    some = appended(batch([3, 1], [4, 5, 6], [1, 2, 3, 4, 5, 6], [7]), MASK, 6)
    assert some.items.tolist() == [
        [3, 1, MASK, 0, 0, 0],
        [4, 5, 6, MASK, 0, 0],
        [2, 3, 4, 5, 6, MASK],
        [7, MASK, 0, 0, 0, 0],
    ]
    assert some.lengths.tolist() == [3, 4, 6, 2]
    assert appended(batch([3, 1], [4, 5]), MASK, 6).items.tolist() == [[3, 1, MASK], [4, 5, MASK]]


def test_a_user_is_ranked_by_what_stands_in_place_of_the_mask(model: Model, batch: Made) -> None:
    found = model.query(batch([3, 1], [4, 5, 6]))
    torch.testing.assert_close(found[0], model.encode(batch([3, 1, MASK]))[0, 2])
    torch.testing.assert_close(found[1], model.encode(batch([4, 5, 6, MASK]))[0, 3])


def test_an_items_bias_is_added_to_its_score(model: Model, batch: Made) -> None:
    query = model.query(batch([3, 1]))
    plain = query[0, :-1] @ model.items.weight[1:-1].T
    torch.testing.assert_close(model.scores(query)[0], (plain + model.bias[1:]).float())


def test_the_mask_is_no_item_to_be_scored(model: Model) -> None:
    assert model.table().shape == (10, 9)
    assert model.items.num_embeddings == 11


def test_the_encoder_norms_what_it_reads_and_ends_in_a_head(model: Model, batch: Made, twice: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    model.dropout = twice
    w, items = model.state_dict(), [3, 1, MASK, 5]

    def norm(x: torch.Tensor, at: str) -> torch.Tensor:
        scaled = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        return scaled * w[f"{at}.weight"] + w[f"{at}.bias"]

    x = 2 * norm(w["items.weight"][items] + w["positions.weight"][:4], "norm")[None]
    for block in model.blocks:
        assert not block.attention.causal
        x = block(x, torch.tensor([4]))
    x = x @ w["head.weight"].T + w["head.bias"]
    expected = norm(x * (1 + torch.erf(x / 2**0.5)) / 2, "head_norm")
    found = model.encode(batch(items))
    torch.testing.assert_close(found[..., :-1], expected)
    assert (found[..., -1] == 1).all()


def test_the_block_norms_after_each_sum(model: Model) -> None:
    block, x = model.blocks[0], torch.randn(1, 4, 8, dtype=torch.float64)
    lengths = torch.tensor([4])
    y = block.norms[0](x + block.attention(x, lengths))
    inner = torch.nn.functional.gelu(block.inward(y))
    assert inner.shape == (1, 4, 32)
    torch.testing.assert_close(block(x, lengths), block.norms[1](y + block.outward(inner)))
