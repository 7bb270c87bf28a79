"""LinRec's causal form has a form for CPUs and one for GPUs: both are held to the reference here."""

import pytest
import torch

from linrec_cli.attentions.linear import Attention
from linrec_cli.kernels import _chunks


@pytest.mark.parametrize(("size", "length"), [(8, 1), (8, 40), (8, 41), (8, 200), (36, 130)])
@pytest.mark.parametrize("form", ["mix", "parallel"])
def test_both_forms_equal_the_reference_in_values_and_gradients(size: int, length: int, form: str) -> None:
    torch.manual_seed(0)
    attention, lengths = Attention(2 * size, 2, True, length), torch.full((3,), length)
    parts = [torch.randn(3, 2, length, size, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    plain = attention.reference(*parts, lengths)
    fast = attention.parallel(*parts, lengths) if form == "parallel" else _chunks.mix(*parts)
    gradient = torch.randn_like(plain)
    torch.testing.assert_close(fast, plain, rtol=1e-11, atol=1e-11)
    truth = torch.autograd.grad(plain, parts, gradient)
    for found, true in zip(torch.autograd.grad(fast, parts, gradient), truth, strict=True):
        torch.testing.assert_close(found, true, rtol=1e-9, atol=1e-9)


def test_parts_of_the_batch_are_mixed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [torch.randn(5, 2, 90, 4, dtype=torch.float64) for _ in range(3)]
    whole = _chunks.mix(*parts)
    monkeypatch.setattr(_chunks, "BLOCK", 1)
    torch.testing.assert_close(_chunks.mix(*parts), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("causal", [True, False])
def test_the_last_causal_row_is_the_last_bidirectional_row(causal: bool) -> None:
    torch.manual_seed(0)
    parts = [torch.randn(2, 2, 77, 4, dtype=torch.float64) for _ in range(3)]
    lengths = torch.tensor([77, 77])
    one, other = (Attention(8, 2, form, 77).attend(*parts, lengths)[:, :, -1] for form in (causal, not causal))
    torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)
