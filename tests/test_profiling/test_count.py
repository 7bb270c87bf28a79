"""Counts are those worked out by hand."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from linrec_cli.profiling.count import STEPS, Count, counted
from linrec_cli.profiling.tally import tally

X, Y = torch.ones(3, 4), torch.ones(3, 4)
N = 12 * 4
"""Bytes of one of them."""


@pytest.mark.parametrize(
    ("function", "operations", "size"),
    [
        # 3 x 2 numbers, each of 4 products and as many sums.
        (lambda: X @ torch.ones(4, 2), 2 * 3 * 4 * 2, N + (8 + 8 + 6) * 4),
        (lambda: X @ Y[0], 2 * 3 * 4, N + (4 + 3) * 4),
        (lambda: X * 2 + 1, 2 * 12, 4 * N),
        (lambda: X * Y, 12, 3 * N),
        (lambda: X * X, 12, 2 * N),
        (lambda: X.exp(), 12, 2 * N),
        (lambda: X.sum(), 12, N + 4),
        (lambda: X.sum(0), 12, N + 4 * 4),
        (lambda: X.cumsum(0), 12, 2 * N),
        (lambda: X.softmax(0), 5 * 12, 2 * N),
        (lambda: X.double(), 0, 3 * N),
        (lambda: X.T.contiguous(), 0, 2 * N),
        (lambda: torch.cat([X, Y]), 0, 4 * N),
        (lambda: X.tril(), 0, 2 * N),
        (lambda: X > 0, 0, N + 12),
        (lambda: torch.zeros(3, 4), 0, N),
        # An expanded row is read as the four numbers that it is.
        (lambda: X[:1].expand(3, 4) + Y, 12, 4 * 4 + 2 * N),
        (lambda: torch.polar(X, Y), 2 * 12, 2 * N + 2 * N),
    ],
)
def test_operations_and_bytes(function, operations, size) -> None:
    assert counted(function) == Count(operations, size, 0)


def test_views_are_free() -> None:
    assert counted(lambda: X.view(4, 3).mT.unsqueeze(1).expand(3, 5, 4)[1:].detach().chunk(2)) == Count(0, 0, 0)


def test_what_is_done_in_place_is_read_and_written_and_what_is_written_over_is_not_read() -> None:
    x = torch.ones(3, 4)
    assert counted(lambda: x.add_(1)) == Count(12, 2 * N, 0)
    assert counted(lambda: x.mul_(Y)) == Count(12, 3 * N, 0)
    assert counted(lambda: x.zero_()) == Count(0, N, 0)
    assert counted(lambda: x.copy_(Y)) == Count(0, 2 * N, 0)
    assert counted(lambda: x.abs_()) == counted(lambda: nn.functional.elu_(x)) == Count(12, 2 * N, 0)
    assert counted(lambda: torch.exp(X, out=x)) == Count(12, 2 * N, 0)
    y = torch.ones(1, 3, 4)
    assert counted(lambda: y.baddbmm_(torch.ones(1, 3, 2), torch.ones(1, 2, 4))).operations == 2 * 3 * 2 * 4 + 12


def test_a_layer_adds_its_bias_and_keeps_what_it_was_given() -> None:
    layer, x = nn.Linear(4, 2), X.clone().requires_grad_()
    forward = 2 * 3 * 4 * 2 + 3 * 2
    assert counted(lambda: layer(x)) == Count(forward, N + (8 + 2 + 6) * 4, 0, N + 8 * 4)
    # Backwards a product for the inputs, one for the weights, and a sum for the biases.
    both = counted(lambda: layer(x).backward(torch.ones(3, 2)))
    assert both.operations == forward + 2 * (2 * 3 * 4 * 2) + 6


@pytest.mark.parametrize(
    ("function", "made", "given"),
    [
        (lambda x: x * x, 0, 1),
        (lambda x: x.exp(), 1, 0),
        # The exponential is kept by its own step and by the sine's, once.
        (lambda x: x.exp().sin(), 1, 0),
        (lambda x: x.exp().T.reshape(-1)[2:].sin(), 2, 0),
        (lambda x: (x + 1).tanh().exp().sum(), 2, 0),
        (lambda x: (x * Y).sin() + x.cos(), 1, 2),
        (lambda x: x.T.unsqueeze(0).sin(), 0, 1),
        (lambda x: x.detach().exp(), 0, 0),
    ],
)
def test_what_autograd_keeps_counts_once_and_inputs_apart(function, made, given) -> None:
    x = X.clone().requires_grad_()
    both = counted(lambda: function(x))
    assert (both.saved_bytes, both.saved_input_bytes) == (made * N, given * N)
    if function(x).requires_grad:
        assert counted(lambda: function(x).sum().backward()).saved_bytes == made * N


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_counts_its_products_and_half_where_it_is_causal(causal) -> None:
    q = torch.randn(1, 2, 8, 4, requires_grad=True)

    def forward():
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return scaled_dot_product_attention(q, q, q, is_causal=causal)

    share = 9 / 16 if causal else 1
    product = 2 * 8 * 8 * 4 * 2
    assert counted(forward).operations == 2 * product * share
    # Backwards five, the scores anew among them, and two sums of gradients.
    out = forward()
    assert counted(lambda: out.backward(q.detach())).operations == 5 * product * share + 2 * q.numel()


def test_both_orders_of_three_matrices() -> None:
    q, k, v = torch.randn(3, 32, 8).unbind()
    assert counted(lambda: (q @ k.T) @ v).operations == 4 * 32 * 32 * 8
    assert counted(lambda: q @ (k.T @ v)).operations == 4 * 32 * 8 * 8


def test_what_is_not_computed_counts_the_same() -> None:
    def run():
        layer = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 6))
        x = torch.randn(7, 6, requires_grad=True)
        return counted(lambda: layer(x).softmax(-1).sum().backward())

    real = run()
    with FakeTensorMode():
        assert run() == real
    assert real.operations > 0


def test_an_operator_without_a_rule_is_an_error_that_names_it() -> None:
    with pytest.raises(NotImplementedError, match=r"aten\._linalg_svd"):
        counted(lambda: torch.linalg.svd(X))


@pytest.mark.parametrize(
    ("function", "forwards", "backwards"),
    [
        (lambda x: torch.nn.functional.layer_norm(x, (4,)), 7, 14),
        (lambda x: x.log_softmax(1), 5, 4),
        (lambda x: x.softmax(1), 5, 4),
        (lambda x: torch.native_dropout(x, 0.5, True)[0], 2, 2),
    ],
)
def test_operations_a_number_forwards_and_backwards(function, forwards, backwards) -> None:
    x = torch.ones(3, 4, requires_grad=True)
    out = function(x)
    assert counted(lambda: function(x.detach())).operations == forwards * 12
    gradient = torch.ones(3, 4)
    assert tally(lambda: torch.autograd.grad(out, x, gradient, retain_graph=True)).operations == backwards * 12


def test_what_a_gpu_alone_fuses_is_known_too() -> None:
    assert (STEPS["_fused_rms_norm"], STEPS["_fused_rms_norm_backward"]) == (4, 8)
