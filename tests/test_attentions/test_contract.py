"""What every mechanism promises, checked over the folder: a new file is tested because it exists."""

import inspect

import pytest
import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.attentions._build import build
from linrec_cli.errors import UsageError

NAMES = catalog.names("attentions")
FORMS = [(name, form) for name in NAMES for form in catalog.load("attentions", name).FORMS]
WIDTH, HEADS, LENGTHS = 12, 3, torch.tensor([150, 97, 1])
SPREAD = 2.0
"""Scale of the inputs that makes the parts of about unit size."""


def made(name: str, form: str = "causal", dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return build(name, WIDTH, HEADS, causal=form == "causal", maxlen=160).to(dtype).eval()


def inputs(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def real(lengths: Tensor, length: int) -> Tensor:
    return torch.arange(length) < lengths[:, None]


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 150])
def test_the_fast_form_equals_the_reference_in_values_and_gradients(name: str, form: str, length: int) -> None:
    attention, lengths = made(name, form), LENGTHS.clamp(max=length)
    if not hasattr(attention, "reference"):
        pytest.skip("no query-key-value mechanism")
    mask = real(lengths, length)[:, None, :, None]
    results = []
    for mix in (attention.attend, attention.reference):
        parts = [part.detach().requires_grad_() for part in attention.split(inputs(3, length, WIDTH) * SPREAD)]
        out = mix(*parts, lengths) * mask
        (out * inputs(*out.shape, seed=9)).sum().backward()
        results.append([out, *(part.grad for part in parts)])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_shape_is_kept(name: str, form: str) -> None:
    assert made(name, form)(inputs(3, 150, WIDTH), LENGTHS).shape == (3, 150, WIDTH)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_it_is_blind_to_the_future_exactly_when_causal(name: str, form: str) -> None:
    attention, x = made(name, form), inputs(1, 100, WIDTH)
    changed = x.clone()
    changed[:, 70:] += 1
    length = torch.tensor([100])
    moved = (attention(x, length) - attention(changed, length))[:, :70].abs().max()
    assert (moved == 0) if form == "causal" else (moved > 1e-6)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_padding_on_the_right_changes_nothing(name: str, form: str) -> None:
    attention, x = made(name, form), inputs(1, 50, WIDTH)
    padded = torch.cat([x, inputs(1, 30, WIDTH, seed=1)], 1)
    length = torch.tensor([50])
    torch.testing.assert_close(attention(padded, length)[:, :50], attention(x, length), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_users_in_a_batch_do_not_meet(name: str, form: str) -> None:
    attention, x = made(name, form), inputs(3, 150, WIDTH)
    together = attention(x, LENGTHS)
    for user, length in enumerate(LENGTHS):
        alone = attention(x[user : user + 1], length[None])
        torch.testing.assert_close(together[user, :length], alone[0, :length], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, form in FORMS if form == "causal"])
def test_a_step_at_a_time_equals_forward_and_the_state_does_not_grow(name: str) -> None:
    attention, x = made(name), inputs(2, 70, WIDTH)
    if not hasattr(attention, "step"):
        pytest.skip("no recurrence")
    state, rows = attention.start(2), []
    size = [part.nbytes for part in state]
    for t in range(70):
        row, state = attention.step(x[:, t], state)
        rows.append(row)
    torch.testing.assert_close(torch.stack(rows, 1), attention(x, torch.tensor([70, 70])), rtol=1e-9, atol=1e-9)
    assert [part.nbytes for part in state] == size


SCALES = [(torch.float64, s) for s in (0.0, 1e-20, 1e20)]
SCALES += [(dtype, s) for dtype in (torch.float32, torch.bfloat16) for s in (0.0, 1e-6, 1e6)]


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize(("dtype", "scale"), SCALES)
@pytest.mark.parametrize("length", [1, 80])
def test_values_and_gradients_stay_finite(name: str, form: str, dtype: torch.dtype, scale: float, length: int) -> None:
    attention = made(name, form, dtype)
    x = (inputs(2, length, WIDTH) * scale).to(dtype).requires_grad_()
    out = attention(x, torch.tensor([length, 1]))
    out.sum().backward()
    assert x.grad is not None
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_low_precision_the_fast_form_errs_no_more_than_the_reference(
    name: str, form: str, dtype: torch.dtype
) -> None:
    attention = made(name, form)
    if not hasattr(attention, "reference"):
        pytest.skip("no query-key-value mechanism")
    parts = [part.detach().to(dtype) for part in attention.split(inputs(3, 150, WIDTH) * SPREAD)]
    mask = real(LENGTHS, 150)[:, None, :, None]
    truth = attention.reference(*(part.double() for part in parts), LENGTHS) * mask
    fast, plain = ((mix(*parts, LENGTHS) * mask - truth).norm() for mix in (attention.attend, attention.reference))
    assert fast <= 1.1 * plain + 2 * torch.finfo(dtype).eps * truth.norm()


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_states_cost_and_source(name: str) -> None:
    text = inspect.getdoc(catalog.load("attentions", name).Attention)
    assert text
    assert "Cost:" in text
    assert "Source:" in text


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no option of 'linear' 'pad'"):
        build("linear:pad=included", WIDTH, HEADS, causal=True, maxlen=10)
