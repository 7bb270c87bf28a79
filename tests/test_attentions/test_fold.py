"""The folded recurrence against a loop over positions."""

import pytest
import torch
from torch import Tensor

from linrec_cli.attentions._fold import fold, recurrence

LENGTHS = [*range(1, 18), 31, 32, 33, 100]


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(len(shape)))


def looped(u: Tensor, left: Tensor, reverse: bool = False) -> Tensor:
    """Follow the recurrence over axis 2; `left` is between neighbours, `T - 1` of it."""
    rows = list(u.unbind(2))
    for t in reversed(range(len(rows) - 1)) if reverse else range(len(rows) - 1):
        here, there = (t, t + 1) if reverse else (t + 1, t)
        rows[here] = rows[here] + left.select(2, t) * rows[there]
    return torch.stack(rows, 2)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, -1, 1, 1), (1, 3, -1, 4, 1), (1, 3, 1, 1, 1), (2, 1, 1, 4, 5)])
def test_every_position_takes_in_what_is_left_of_the_one_before_or_after(
    length: int, reverse: bool, shape: tuple[int, ...]
) -> None:
    shape = tuple(length - 1 if n < 0 else n for n in shape)
    u, left = random(2, 3, length, 4, 5), random(*shape).sigmoid()
    every = left if shape[2] != 1 else left.expand(*shape[:2], length, *shape[3:])
    h = u.clone()
    fold(h, left, reverse)
    torch.testing.assert_close(h, looped(u, every, reverse), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_are_those_of_the_loop(length: int, dtype: torch.dtype) -> None:
    inputs, results = [random(2, 3, length, 4, dtype=dtype), 0.4 * random(1, 3, 1, 1, dtype=dtype)], []
    weight = random(2, 3, length, 4, dtype=dtype).flip(2)
    for run in (recurrence, lambda u, decay: looped(u, decay.expand(1, 3, length, 1))):
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = run(*leaves)
        total = (out * weight).sum().real
        results.append([out, *torch.autograd.grad(total, leaves, materialize_grads=True, allow_unused=True)])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("log_decay", [0.0, -1e-6, -1e-3, -50.0])
def test_a_decay_of_more_digits_keeps_them_over_a_long_sequence(log_decay: float) -> None:
    decay = torch.full((1, 1, 1, 1), log_decay, dtype=torch.float64).exp().requires_grad_()
    u = torch.zeros(1, 1, 65_536, 1)
    u[:, :, 0] = 1
    out = recurrence(u.requires_grad_(), decay)
    steps = torch.arange(65_536, dtype=torch.float64)
    torch.testing.assert_close(out[0, 0, :, 0].double(), (log_decay * steps).exp(), rtol=2e-6, atol=1e-30)
    out[:, :, -1].sum().backward()
    assert decay.grad is not None
    assert (decay.grad.dtype, u.grad.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(u.grad[0, 0, :, 0].double(), (log_decay * steps.flip(0)).exp(), rtol=2e-6, atol=1e-30)
    expected = 65_535 * (log_decay * torch.tensor(65_534.0, dtype=torch.float64)).exp()
    torch.testing.assert_close(decay.grad.flatten()[0], expected, rtol=1e-5, atol=1e-30)
