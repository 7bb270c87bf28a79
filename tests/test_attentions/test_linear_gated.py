"""What gated LinRec's options leave out."""

import pytest
import torch

from linrec_cli.attentions import linear, linear_gated


def test_without_its_parts_it_is_linear() -> None:
    torch.manual_seed(0)
    bare = linear_gated.Attention(8, 2, True, 70, decay=False, norm=False, gate=False).double()
    plain = linear.Attention(8, 2, True, 70).double()
    plain.load_state_dict(bare.state_dict())
    x, lengths = torch.randn(3, 70, 8, dtype=torch.float64), torch.tensor([70, 70, 70])
    torch.testing.assert_close(bare(x, lengths), plain(x, lengths), rtol=1e-10, atol=1e-10)


def test_the_rates_are_learned_and_half_lives_start_in_order() -> None:
    attention = linear_gated.Attention(8, 4, True, 70)
    halved = torch.log(torch.tensor(0.5)) / attention.log_decay()
    torch.testing.assert_close(halved, torch.tensor([8.0, 20.1587, 50.7968, 128.0]), rtol=1e-4, atol=0)
    attention(torch.randn(2, 70, 8), torch.tensor([70, 70])).square().sum().backward()
    assert attention.rate is not None
    assert attention.rate.grad is not None
    assert attention.rate.grad.abs().min() > 0


@pytest.mark.parametrize("length", [1, 40, 41, 130])
@pytest.mark.parametrize("form", ["attend", "parallel"])
def test_both_forms_equal_the_reference_in_values_and_gradients_those_of_the_rates_too(length: int, form: str) -> None:
    torch.manual_seed(0)
    attention, lengths = linear_gated.Attention(16, 2, True, length).double(), torch.full((3,), length)
    assert attention.rate is not None
    parts = [torch.randn(3, 2, length, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    plain = attention.reference(*parts, lengths)
    fast = attention.parallel(*parts) if form == "parallel" else attention.attend(*parts, lengths)
    gradient = torch.randn_like(plain)
    torch.testing.assert_close(fast, plain, rtol=1e-11, atol=1e-11)
    inputs = [*parts, attention.rate]
    truth = torch.autograd.grad(plain, inputs, gradient)
    for found, true in zip(torch.autograd.grad(fast, inputs, gradient), truth, strict=True):
        torch.testing.assert_close(found, true, rtol=1e-9, atol=1e-9)
