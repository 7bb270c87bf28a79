"""What every loss promises, checked over the folder."""

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.losses._draw import Draw

NAMES = catalog.names("losses")


def made(name: str, seed: int = 0, none: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give the loss and the gradients of some hidden states and of the table, whose padding row is enormous.

    At the last of them, so many, nothing is predicted.
    """
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(40, 6, generator=generator)
    table = torch.randn(21, 6, generator=generator)
    table[0] = 1e6
    table.requires_grad_()
    gold = torch.randint(1, 21, (40,), generator=generator)
    hidden = torch.cat([hidden, torch.randn(none, 6, generator=generator)]).requires_grad_()
    gold = torch.cat([gold, gold.new_zeros(none)])
    torch.manual_seed(seed)
    draw = Draw(torch.arange(20), some=gold > 0 if none else None)
    loss = catalog.bound("losses", name, "loss")(hidden, table, gold, draw)
    return loss.detach(), *torch.autograd.grad(loss, [hidden, table])


@pytest.mark.parametrize("name", NAMES)
def test_padding_takes_no_part(name: str) -> None:
    loss, of_hidden, of_table = made(name)
    assert loss.shape == ()
    assert 0 < float(loss) < 1e3
    assert (of_table[0] == 0).all()
    assert of_hidden.abs().max() < 1e3


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_is_predicted_takes_no_part_and_gets_no_gradient(name: str) -> None:
    whole, filled = made(name), made(name, none=9)
    torch.testing.assert_close(filled[0], whole[0])
    torch.testing.assert_close(filled[1][:40], whole[1])
    torch.testing.assert_close(filled[2], whole[2])
    assert (filled[1][40:] == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_draws_the_same(name: str) -> None:
    assert made(name)[0] == made(name)[0]


@pytest.mark.parametrize("name", NAMES)
def test_going_down_the_gradient_lifts_the_gold_above_the_rest(name: str) -> None:
    torch.manual_seed(0)
    # An axis an item, so that no score is tied to another.
    hidden, table = torch.zeros(3, 300), torch.eye(300)
    gold = torch.tensor([3, 9, 270])
    for _ in range(100):
        hidden.requires_grad_()
        loss = catalog.bound("losses", name, "loss")(hidden, table, gold, Draw(torch.ones(299)))
        slope = torch.autograd.grad(loss, hidden)[0]
        hidden = (hidden - 0.05 * slope / slope.norm(dim=1, keepdim=True)).detach()
    assert ((hidden @ table[1:].T).argmax(1) + 1 == gold).all()


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_stays_near_float32(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden, table = torch.randn(64, 16, generator=generator), torch.randn(50, 16, generator=generator)
    gold, found = torch.randint(1, 50, (64,), generator=generator), []
    for low in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            given = hidden.bfloat16() if low else hidden
            found.append(float(catalog.bound("losses", name, "loss")(given, table, gold, Draw(torch.ones(49)))))
    assert found[1] == pytest.approx(found[0], rel=0.02)


def test_the_last_item_is_drawn_where_rounding_leaves_the_levels_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda number, **how: torch.full((number,), 2.0, dtype=torch.float64))
    assert Draw(torch.tensor([1, 2, 3])).weighted(2, 0.5).tolist() == [3, 3]
