"""The parallel form, held against a plain loop over positions."""

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build
from linrec_cli.models.sasrec import initialise

WIDTH = 6
LENGTHS = [*range(1, 10), 31, 32, 33, 150]


def made(heads: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return build("lru", WIDTH, heads, causal=True, maxlen=160).double()


def inputs(length: int) -> Tensor:
    return torch.randn(3, length, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def looped(attention: nn.Module, x: Tensor) -> Tensor:
    """Follow the formula from position to position, with complex matrices."""
    nu, theta, gamma = attention.logarithms.exp()
    decay = torch.exp(torch.complex(-nu, theta))
    weight, bias = attention.inward.weight, attention.inward.bias
    b, constant = torch.complex(weight[::2], weight[1::2]), torch.complex(bias[::2], bias[1::2])
    weight = attention.outward.weight
    # Re((c + di)(h + ki)) = ch - dk, so that the weights of imaginary parts are those of C with the sign turned.
    c = torch.complex(weight[:, ::2], -weight[:, 1::2])
    h, rows = torch.zeros(len(x), len(decay), dtype=torch.complex128), []
    for t in range(x.shape[1]):
        h = decay * h + gamma * (x[:, t].to(torch.complex128) @ b.T + constant)
        rows.append((h @ c.T).real + attention.outward.bias)
    return torch.stack(rows, 1)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_parallel_form_equals_the_loop_in_values_and_gradients(length: int) -> None:
    attention, results = made(), []
    weight = torch.randn(3, length, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for run in (lambda x: attention(x, torch.full((3,), length)), lambda x: looped(attention, x)):
        x = inputs(length).requires_grad_()
        out = run(x)
        results.append([out, *torch.autograd.grad((out * weight).sum(), [x, *attention.parameters()])])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)


def test_decays_start_in_the_ring_and_keep_the_variance_of_the_state() -> None:
    torch.manual_seed(0)
    attention = build("lru", 512, 1, causal=True, maxlen=1)
    modulus, gamma = attention.decay().detach().abs(), attention.logarithms[2].detach().exp()
    assert modulus.min() > 0.8 - 1e-6
    assert modulus.max() < 0.99 + 1e-6
    # Uniform over the area of a ring: the mean of the square is midway.
    assert abs(float(modulus.square().mean()) - (0.8**2 + 0.99**2) / 2) < 0.01
    torch.testing.assert_close(gamma.square(), 1 - modulus.square(), rtol=1e-4, atol=0)


def test_a_model_s_initial_draw_leaves_the_ring_as_it_is() -> None:
    attention = made()
    before = attention.decay()
    attention.apply(initialise)
    assert torch.equal(attention.decay(), before)


def test_heads_change_nothing() -> None:
    length = torch.tensor([20, 20, 20])
    assert torch.equal(made(1)(inputs(20), length), made(3)(inputs(20), length))
