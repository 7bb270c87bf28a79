"""What the released code computes, held against a transcription of its formula."""

import math

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build
from linrec_cli.errors import UsageError

WIDTH, HEADS, LENGTHS = 24, 3, torch.tensor([40, 23, 1])


def made(spec: str) -> nn.Module:
    torch.manual_seed(0)
    return build(spec, WIDTH, HEADS, causal=False, maxlen=80).eval()


def inputs(length: int = 40) -> Tensor:
    return torch.randn(3, length, WIDTH, generator=torch.Generator().manual_seed(0))


def released(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Give what the released layer gives between its projections; keys come as `[B, H, D, T]` there."""
    # Each comes out of a projection of its own there, `[B, T, H, D]` in memory; the last digit depends on that.
    q, k, v = (part.transpose(1, 2).contiguous().transpose(1, 2) for part in (q, k, v))
    activation, columns = nn.ELU(), k.permute(0, 1, 3, 2)
    e_q, e_k = activation(q), activation(columns)
    n_q, n_k = 1 / torch.norm(e_q, p=2, dim=3), 1 / torch.norm(e_k, p=2, dim=2)
    queries = torch.einsum("bhtd,bht->bhtd", e_q, n_q)
    keys = torch.einsum("bhdt,bht->bhdt", e_k, n_k)
    return torch.matmul(queries, torch.matmul(keys, v)) / math.sqrt(q.shape[3])


@pytest.mark.parametrize("length", [1, 33, 40])
def test_with_padding_included_every_digit_is_that_of_the_released_code(length: int) -> None:
    attention = made("linear-released:pad=included")
    parts = attention.split(inputs(length))
    assert torch.equal(attention.attend(*parts, LENGTHS.clamp(max=length)), released(*parts))


def test_with_padding_included_the_whole_matrix_of_scores_gives_the_same() -> None:
    attention = made("linear-released:pad=included").double()
    parts = attention.split(inputs().double())
    torch.testing.assert_close(attention.attend(*parts, LENGTHS), attention.reference(*parts, LENGTHS))


def test_the_default_differs_where_there_is_padding_and_only_there() -> None:
    excluded, included = made("linear-released"), made("linear-released:pad=included")
    a, b = (attention(inputs(), LENGTHS) for attention in (excluded, included))
    assert torch.equal(a[0], b[0])
    for user in (1, 2):
        assert (a - b)[user, : LENGTHS[user]].abs().max() > 0.1
    full = torch.tensor([40, 40, 40])
    assert torch.equal(excluded(inputs(), full), included(inputs(), full))


def test_a_history_told_four_times_gives_four_times_the_output() -> None:
    attention = made("linear-released").double()
    parts = attention.split(inputs(20).double())
    once = attention.attend(*parts, torch.tensor([20, 20, 20]))
    told = attention.attend(*(part.repeat(1, 1, 4, 1) for part in parts), torch.tensor([80, 80, 80]))
    torch.testing.assert_close(told, 4 * once.repeat(1, 1, 4, 1))


@pytest.mark.parametrize("pad", ["excluded", "included"])
def test_a_token_of_zeros_gives_and_takes_nothing_where_the_released_code_gives_nan(pad: str) -> None:
    attention = made(f"linear-released:pad={pad}")
    parts = [part.detach().clone() for part in attention.split(inputs())]
    for part in parts[:2]:
        part[:, :, 5] = 0
        part.requires_grad_()
    assert released(*parts).isnan().any()
    out = attention.attend(*parts, LENGTHS)
    assert (out[:, :, 5] == 0).all()
    rest = [torch.cat([part[:, :, :5], part[:, :, 6:]], 2) for part in parts]
    others = attention.attend(*rest, (LENGTHS - 1).clamp(min=1))
    torch.testing.assert_close(torch.cat([out[:, :, :5], out[:, :, 6:]], 2), others)
    out.sum().backward()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in parts[:2])


def test_another_value_of_pad_is_an_error_that_names_the_two() -> None:
    with pytest.raises(UsageError, match=r"^'yes' does not fit .* 'pad' .*: give excluded or included\.$"):
        made("linear-released:pad=yes")
