"""The short convolution against torch's own."""

import pytest
import torch
from torch.nn.functional import conv1d, pad, silu

from linrec_cli.attentions._convolution import TAPS, Convolution


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 30])
def test_values_and_gradients_are_those_of_a_causal_convolution(length: int) -> None:
    torch.manual_seed(0)
    convolution, x = Convolution(3).double(), torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True)
    filters = convolution.filters.detach().clone().requires_grad_()
    plain = silu(conv1d(pad(x.mT, (TAPS - 1, 0)), filters.flip(0).T[:, None], groups=3)).mT
    weight = torch.randn_like(plain)
    expected = [plain, *torch.autograd.grad((plain * weight).sum(), [x, filters])]
    out = convolution(x)
    found = [out, *torch.autograd.grad((out * weight).sum(), [x, convolution.filters])]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
