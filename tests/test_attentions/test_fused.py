"""What torch's kernels for CUDA do not take is split, or told: tried on a CPU, as if it took as little."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from linrec_cli import catalog
from linrec_cli.attentions import _fused
from linrec_cli.attentions._build import build


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sequences of each launch."""
    launched: list[int] = []

    def spied(q: Tensor, *given: Any, **more: Any) -> Tensor:
        launched.append(q.shape[0])
        return scaled_dot_product_attention(q, *given, **more)

    monkeypatch.setattr(_fused, "scaled_dot_product_attention", spied)
    return launched


def test_a_kernel_for_cuda_takes_no_more_sequences_and_heads_than_an_axis_of_a_grid_counts() -> None:
    assert _fused.MOST == {"cuda": 2**16 - 1}


@pytest.mark.parametrize(("most", "expected"), [(3, [1] * 7), (6, [2, 2, 2, 1]), (21, [7]), (20, [6, 1]), (2, [1] * 7)])
@pytest.mark.parametrize("how", ["causal", "own mask", "shared mask", "scale"])
def test_more_sequences_than_a_kernel_takes_are_mixed_in_parts_to_the_same_bits(
    sizes: list[int], monkeypatch: pytest.MonkeyPatch, how: str, most: int, expected: list[int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(7, 3, 5, 4, generator=generator) for _ in range(3))
    mask = torch.rand(7, 1, 5, 5, generator=generator) < 0.8
    given: dict[str, Any] = {"causal": {"causal": True}, "own mask": {"mask": mask}, "scale": {"scale": 0.3}}.get(
        how, {"mask": mask[:1]}
    )
    whole = _fused.attention(q, k, v, **given)
    assert sizes == [7]
    sizes.clear()
    monkeypatch.setitem(_fused.MOST, "cpu", most)
    assert torch.equal(_fused.attention(q, k, v, **given), whole)
    assert sizes == expected


@pytest.mark.parametrize("name", ["softmax", "softmax:rotary=true", "linformer", "nystrom", "local"])
def test_every_mechanism_on_the_fused_kernel_is_split(
    sizes: list[int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(_fused.MOST, "cpu", 4)
    form = catalog.load("attentions", catalog.parse(name)[0]).FORMS[0]
    layer = build(name, 8, 2, causal=form == "causal", maxlen=6)
    layer(torch.randn(5, 6, 8), torch.tensor([6, 5, 4, 3, 1]))
    assert sizes
    assert max(sizes) <= 2


def test_heads_that_no_fused_kernel_takes_are_told_once_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_fused.MULTIPLE, "cpu", 4)
    monkeypatch.setattr(_fused, "WARNED", set())
    q = torch.randn(1, 2, 3, 6)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for x in (q.bfloat16(), q.double(), q[..., :4], q, q, q):
            _fused.attention(x, x, x)
    (one,) = told
    line = warnings.formatwarning(one.message, one.category, one.filename, one.lineno)
    assert line == (
        "linrec:0: UserWarning: float32 heads of 6 channels run on torch's quadratic kernel on cpu; "
        "give each a multiple of 4, or take bfloat16.\n"
    )
