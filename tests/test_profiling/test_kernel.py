"""The kernel's name comes from what torch dispatched."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from linrec_cli.profiling import kernel


@pytest.mark.parametrize(
    ("backend", "expected"), [(SDPBackend.FLASH_ATTENTION, "sdpa.flash"), (SDPBackend.MATH, "sdpa.math")]
)
def test_the_variant_that_ran_is_named(backend, expected):
    q = torch.randn(1, 1, 32, 16, requires_grad=True)

    def run():
        with sdpa_kernel(backend):
            scaled_dot_product_attention(q, q, q, is_causal=True).sum().backward()

    assert kernel.name({"step": run}) == expected


def test_plain_operators_are_eager():
    assert kernel.name({"step": lambda: torch.ones(4, 4) @ torch.ones(4, 4)}) == "eager"


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"aten::_scaled_dot_product_cudnn_attention", "aten::mm"}, "sdpa.cudnn"),
        ({"aten::_scaled_dot_product_efficient_attention"}, "sdpa.efficient"),
        ({"aten::_scaled_dot_product_flash_attention_for_cpu"}, "sdpa.flash"),
        ({"mkldnn::_linear_pointwise", "c10d::allreduce_", "prims::add", "aten::mm"}, "eager"),
        ({"linrec::scan", "aten::mm", "autograd::engine::evaluate_function: X"}, "linrec::scan"),
    ],
)
def test_fused_and_custom_operators_are_named(operators, expected):
    assert kernel.named(operators) == expected
