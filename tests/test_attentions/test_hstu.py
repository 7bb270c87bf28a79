"""The bias by distance, which is no part of the input, and the norm of large values."""

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build

WIDTH, HEADS, LENGTHS = 12, 3, torch.tensor([300, 129, 1])


def made(causal: bool) -> nn.Module:
    torch.manual_seed(0)
    return build("hstu", WIDTH, HEADS, causal=causal, maxlen=310).double()


def inputs(length: int = 300) -> Tensor:
    return torch.randn(3, length, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("length", [1, 127, 128, 129, 300])
def test_blocks_of_queries_give_the_gradient_of_the_bias(causal: bool, length: int) -> None:
    attention, lengths = made(causal), LENGTHS.clamp(max=length)
    parts = attention.split(inputs(length) * 3)
    real = (torch.arange(length) < lengths[:, None])[:, None, :, None]
    weight = torch.randn(parts[0].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * real
    grads = []
    for mix in (attention.attend, attention.reference):
        grads.append(torch.autograd.grad((mix(*parts, lengths) * weight).sum(), attention.bias, retain_graph=True)[0])
    assert grads[1].abs().max() > 1e-3
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("causal", [True, False])
def test_the_norm_follows_values_whose_squares_overflow(causal: bool) -> None:
    attention = made(causal)
    q, k, v, u = attention.split(inputs())
    with torch.no_grad():
        expected = attention.attend(q, k, v * 1e30, u, LENGTHS)
        found = attention.float().attend(*(part.float() for part in (q, k, v * 1e30, u)), LENGTHS)
    real = (torch.arange(300) < LENGTHS[:, None])[:, None, :, None]
    torch.testing.assert_close(found.double() * real, expected * real, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("length", [1, 128, 129, 300])
def test_a_bias_by_elapsed_time_and_its_gradient_are_those_of_the_formula(length: int) -> None:
    attention, lengths = made(True), LENGTHS.clamp(max=length)
    q, k, v, u = attention.split(inputs(length) * 3)
    generator = torch.Generator().manual_seed(1)
    buckets = torch.randint(5, (3, length, length), generator=generator, dtype=torch.uint8)
    weight = torch.randn(q.shape, generator=generator, dtype=torch.float64)
    ages = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    position = torch.arange(length)
    scores = q @ k.mT + attention.bias[309 + position - position[:, None]] + ages[buckets.long()][:, None]
    out = (scores * scores.sigmoid()).tril() @ v / 310
    flat = out.transpose(1, 2).flatten(2)
    flat = (flat - flat.mean(2, keepdim=True)) / (flat.var(2, unbiased=False, keepdim=True) + 1e-6).sqrt()
    expected = flat.unflatten(2, (HEADS, -1)).transpose(1, 2) * u
    found = attention.attend(q, k, v, u, lengths, (ages, buckets))
    torch.testing.assert_close(found, expected)
    leaves = (ages, attention.bias, attention.inward.weight)
    grads = [torch.autograd.grad((one * weight).sum(), leaves, retain_graph=True) for one in (found, expected)]
    assert grads[1][0].abs().max() > 1e-3
    torch.testing.assert_close(*grads, rtol=1e-7, atol=1e-9)
