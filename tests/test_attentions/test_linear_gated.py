"""What gated LinRec's options leave out."""

import math

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


@pytest.mark.parametrize("log_decay", [-1e-40, -1e-6, -0.05, -50.0])
@pytest.mark.parametrize("length", [1, 2, 200])
def test_the_form_of_a_gpu_equals_the_reference_at_any_strength_of_decay(log_decay: float, length: int) -> None:
    torch.manual_seed(0)
    attention, lengths = linear_gated.Attention(8, 2, True, length).double(), torch.full((2,), length)
    assert attention.rate is not None
    with torch.no_grad():
        attention.rate.copy_(torch.tensor([-log_decay, 0.1], dtype=torch.float64).log())
    parts = [torch.randn(2, 2, length, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    found = []
    for out in (attention.parallel(*parts), attention.reference(*parts, lengths)):
        found.append([out, *torch.autograd.grad(out.square().sum(), [*parts, attention.rate])])
    for fast, true in zip(*found, strict=True):
        torch.testing.assert_close(fast, true, rtol=1e-9, atol=1e-9 * max(1.0, true.abs().max().item()))


def test_the_form_of_a_gpu_without_decay_counts_positions() -> None:
    torch.manual_seed(0)
    attention, lengths = linear_gated.Attention(8, 2, True, 200, decay=False).double(), torch.tensor([200])
    parts = [torch.randn(1, 2, 200, 4, dtype=torch.float64) for _ in range(3)]
    torch.testing.assert_close(attention.parallel(*parts), attention.reference(*parts, lengths), rtol=1e-11, atol=1e-11)


def test_the_form_of_a_gpu_keeps_a_weak_decay_over_a_long_history_in_float32() -> None:
    torch.manual_seed(0)
    attention, length = linear_gated.Attention(4, 1, True, 20_000), 20_000
    assert attention.rate is not None
    with torch.no_grad():
        # Its exponential is midway between two numbers of float32.
        attention.rate.fill_(math.log(1.5 * 2**-24))
    parts = [torch.randn(1, 1, length, 4) for _ in range(3)]
    found, other = attention.parallel(*parts), attention.double().parallel(*(x.double() for x in parts))
    assert (found - other).norm() < 1e-5 * other.norm()
