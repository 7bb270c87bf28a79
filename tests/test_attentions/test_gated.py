"""Gated linear attention at gates as strong as they get."""

import pytest
import torch
from torch import Tensor

from linrec_cli.attentions._build import build
from linrec_cli.attentions.gated import LEAST

LENGTH = 200


def gates(kind: str) -> Tensor:
    u = torch.randn(2, 2, LENGTH, 8, generator=torch.Generator().manual_seed(3))
    return {
        "all closed": torch.full_like(u, LEAST),
        "some closed": LEAST * (u > 0),
        "closed at once": LEAST * (torch.arange(LENGTH)[:, None] % 40 == 20) + 0 * u,
        "open": 0 * u,
    }[kind]


@pytest.mark.parametrize("kind", ["all closed", "some closed", "closed at once", "open"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_float32_stays_exact_at_extreme_gates(kind: str, scale: float) -> None:
    attention, lengths = build("gated", 16, 2, causal=True, maxlen=LENGTH), torch.tensor([LENGTH, LENGTH])
    generator = torch.Generator().manual_seed(0)
    parts = [scale * torch.randn(2, 2, LENGTH, 8, generator=generator) for _ in range(3)] + [gates(kind)]
    weight = torch.randn(2, 2, LENGTH, 8, generator=generator, dtype=torch.float64)
    results = []
    for mix, dtype in ((attention.attend, torch.float32), (attention.reference, torch.float64)):
        leaves = [part.to(dtype, copy=True).requires_grad_() for part in parts]
        out = mix(*leaves, lengths)
        results.append([out, *torch.autograd.grad((out * weight.to(dtype)).sum(), leaves)])
    for fast, true in zip(*results, strict=True):
        assert (fast.double() - true).norm() <= 3e-6 * true.norm()


def test_a_gate_that_is_asked_for_more_closes_to_the_least() -> None:
    attention = build("gated", 16, 2, causal=True, maxlen=LENGTH)
    log_decay = attention.split(1e6 * torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0)))[3]
    assert log_decay.min() == LEAST
    assert log_decay.max() <= 0
