"""What every mechanism promises, checked over the folder: a new file is tested because it exists."""

import copy
import inspect
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.attentions._build import build
from linrec_cli.errors import UsageError

NAMES = catalog.names("attentions")
CLASSES = {name: catalog.load("attentions", name).Attention for name in NAMES}
FORMS = [(name, form) for name in NAMES for form in catalog.load("attentions", name).FORMS]
CAUSAL = [name for name, form in FORMS if form == "causal"]
MIXING = [(name, form) for name, form in FORMS if hasattr(CLASSES[name], "reference")]
STEPPING = [name for name in CAUSAL if hasattr(CLASSES[name], "step")]
CACHING = [name for name in CAUSAL if hasattr(CLASSES[name], "append")]

WIDTH, HEADS, LENGTHS = 12, 3, torch.tensor([150, 97, 1])
SPREAD = 2.0
"""Scale of the inputs that makes the parts of about unit size."""
DTYPES = [torch.float64, torch.float32, torch.bfloat16]
LOW = [torch.float32, torch.bfloat16]
STEPS = 300
"""More than the 256 to which bfloat16 can count."""

few = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def made(name: str, form: str = "causal", dtype: torch.dtype = torch.float64, maxlen: int = 160) -> nn.Module:
    torch.manual_seed(0)
    return build(name, WIDTH, HEADS, causal=form == "causal", maxlen=maxlen).to(dtype).eval()


def without_bias(attention: nn.Module) -> nn.Module:
    """Zero the biases as a model does at the start: without that, small inputs give no small parts."""
    for module in attention.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return attention


def inputs(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def real(lengths: Tensor, length: int) -> Tensor:
    return (torch.arange(length) < lengths[:, None])[:, None, :, None]


def parts_of(attention: nn.Module, x: Tensor) -> list[Tensor]:
    return [part.detach() for part in attention.split(x)]


def ways(attention: nn.Module) -> list[Callable[..., Tensor]]:
    """List the fast forms: `attend`, and what else takes the same, such as a form for another device."""
    taken = inspect.signature(attention.reference)
    others = [getattr(attention, name) for name in vars(type(attention)) if name not in {"attend", "reference"}]
    alike = [method for method in others if inspect.ismethod(method) and inspect.signature(method) == taken]
    return [attention.attend, *alike]


def results(mix: Callable[..., Tensor], parts: list[Tensor], lengths: Tensor) -> list[Tensor]:
    """Mix, and differentiate by each part and parameter; what stands at padded positions counts for nothing."""
    parts = [part.clone().requires_grad_() for part in parts]
    out = mix(*parts, lengths) * real(lengths, parts[0].shape[2])
    total = (out * inputs(*out.shape, dtype=out.dtype, seed=9)).sum()
    leaves = [*parts, *mix.__self__.parameters()]  # type: ignore[attr-defined]
    return [out, *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)]


def assert_equal(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9 * max(1.0, b.abs().max().item()))


def assert_errs_no_more(found: Tensor, plain: Tensor, truth: Tensor, dtype: torch.dtype, what: str) -> None:
    """Hold `found` to the error of `plain` and a hair: sums in another order, torch's own fast exponentials."""
    errors = [(x - truth).norm().item() for x in (found, plain)]
    hair = 4 * torch.finfo(dtype).eps * truth.norm().item()
    assert errors[0] <= 1.1 * errors[1] + hair, what


def assert_finite(attention: nn.Module, x: Tensor, lengths: Tensor) -> None:
    x.requires_grad_()
    out = attention(x, lengths)
    out.sum().backward()
    grads = {name: p.grad for name, p in attention.named_parameters() if p.grad is not None}
    for name, value in {"out": out, "x": x.grad, **grads}.items():
        assert value is not None
        assert value.isfinite().all(), name


@pytest.mark.parametrize(("name", "form"), MIXING)
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 150, 330])
def test_the_fast_form_equals_the_reference_in_values_and_gradients(name: str, form: str, length: int) -> None:
    attention, lengths = made(name, form, maxlen=max(160, length)), LENGTHS.clamp(max=length)
    lengths[0] = length
    parts = parts_of(attention, inputs(3, length, WIDTH) * SPREAD)
    plain = results(attention.reference, parts, lengths)
    for mix in ways(attention):
        assert_equal(results(mix, parts, lengths), plain)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.integers(1, 9) | st.integers(10, 140))
    return {
        "length": length,
        "lengths": torch.tensor(draw(st.lists(st.integers(1, length), min_size=1, max_size=3))),
        "heads": draw(st.integers(1, 3)),
        "size": draw(st.integers(1, 9)),
        "spare": draw(st.sampled_from([0, 1, 50])),
        "scale": draw(st.sampled_from([1e-3, 1.0, 4.0])),
        "seed": draw(st.integers(0, 99)),
    }


def drawn(name: str, form: str, case: dict[str, Any]) -> tuple[nn.Module, Tensor]:
    """Build for a drawn shape; a mechanism may refuse one, with an error of the user's."""
    width = case["heads"] * case["size"]
    torch.manual_seed(case["seed"])
    try:
        attention = build(
            name, width, case["heads"], causal=form == "causal", maxlen=case["length"] + case["spare"]
        ).double()
    except UsageError:
        assume(False)
    return attention, inputs(len(case["lengths"]), case["length"], width, seed=case["seed"]) * case["scale"] * SPREAD


@few
@given(case=shapes())
@pytest.mark.parametrize(("name", "form"), MIXING)
def test_the_fast_form_equals_the_reference_in_any_shape(name: str, form: str, case: dict[str, Any]) -> None:
    attention, x = drawn(name, form, case)
    parts = parts_of(attention, x)
    plain = results(attention.reference, parts, case["lengths"])
    for mix in ways(attention):
        assert_equal(results(mix, parts, case["lengths"]), plain)


@few
@given(case=shapes())
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_history_alone_and_without_padding_gives_the_same(name: str, form: str, case: dict[str, Any]) -> None:
    attention, x = drawn(name, form, case)
    together = attention(x, case["lengths"])
    for user, length in enumerate(case["lengths"].tolist()):
        alone = attention(x[user : user + 1, :length], torch.tensor([length]))
        assert_equal([together[user, :length]], [alone[0]])


@pytest.mark.parametrize(("name", "form"), MIXING)
@pytest.mark.parametrize("dtype", LOW)
def test_in_low_precision_the_fast_form_errs_no_more_than_the_reference(
    name: str, form: str, dtype: torch.dtype
) -> None:
    attention = made(name, form, dtype)
    exact = copy.deepcopy(attention).double()
    parts = [part.to(dtype) for part in parts_of(exact, inputs(3, 150, WIDTH) * SPREAD)]
    truth = results(exact.reference, [part.double() for part in parts], LENGTHS)
    plain = results(attention.reference, parts, LENGTHS)
    for mix in ways(attention):
        every = zip(results(mix, parts, LENGTHS), plain, truth, strict=True)
        # Not the parameters: their gradients are sums over all positions, whose error is that of what cancels.
        for place, (a, b, c) in enumerate(itertools.islice(every, 1 + len(parts))):
            assert_errs_no_more(a, b, c, dtype, f"gradient {place}" if place else "output")


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_shape_and_dtype_are_kept(name: str, form: str, dtype: torch.dtype) -> None:
    out = made(name, form, dtype)(inputs(3, 150, WIDTH, dtype=dtype), LENGTHS)
    assert (out.shape, out.dtype) == ((3, 150, WIDTH), dtype)


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
    padded = torch.cat([x, 1e3 * inputs(1, 30, WIDTH, seed=1)], 1)
    length = torch.tensor([50])
    torch.testing.assert_close(attention(padded, length)[:, :50], attention(x, length), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_users_in_a_batch_do_not_meet(name: str, form: str) -> None:
    attention, x = made(name, form), inputs(3, 150, WIDTH)
    together = attention(x, LENGTHS)
    for user, length in enumerate(LENGTHS):
        alone = attention(x[user : user + 1], length[None])
        torch.testing.assert_close(together[user, :length], alone[0, :length], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_training_draws_nothing_and_what_is_drawn_once_is_the_same_in_every_process(name: str, form: str) -> None:
    attention, x = made(name, form).train(), inputs(3, 20, WIDTH)
    lengths = LENGTHS.clamp(max=20)
    torch.testing.assert_close(attention(x, lengths), attention(x, lengths), rtol=0, atol=0)
    torch.manual_seed(1)
    other = dict(build(name, WIDTH, HEADS, causal=form == "causal", maxlen=160).double().named_buffers())
    for key, value in attention.named_buffers():
        torch.testing.assert_close(value, other[key], rtol=0, atol=0)


@pytest.mark.parametrize("name", STEPPING)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_at_a_time_equals_forward_and_the_state_does_not_grow(name: str, dtype: torch.dtype) -> None:
    attention, x = made(name, dtype=dtype, maxlen=STEPS), inputs(2, STEPS, WIDTH, dtype=dtype)
    with torch.no_grad():
        state, rows = attention.start(2), []
        size = [(part.shape, part.dtype) for part in state]
        for t in range(STEPS):
            row, state = attention.step(x[:, t], state)
            rows.append(row)
            assert [(part.shape, part.dtype) for part in state] == size
        whole, stepped = attention(x, torch.tensor([STEPS, STEPS])), torch.stack(rows, 1)
        truth = copy.deepcopy(attention).double()(x.double(), torch.tensor([STEPS, STEPS]))
    assert stepped.dtype == dtype
    if dtype == torch.float64:
        assert_equal([stepped], [whole])
    else:
        assert_errs_no_more(stepped, whole, truth, dtype, "step")


@pytest.mark.parametrize("name", CACHING)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kept", [0, 30])
def test_events_appended_to_a_cache_equal_forward_and_it_has_the_room_it_was_made_with(
    name: str, dtype: torch.dtype, kept: int
) -> None:
    attention, x, lengths = made(name, dtype=dtype), inputs(2, 70, WIDTH, dtype=dtype), torch.tensor([70, 70])
    with torch.no_grad():
        cache, rows = attention.cache(x[:, :kept], room=70), []
        blocks = [part.data_ptr() for part in cache[:2]]
        for t in range(kept, 70):
            row, cache = attention.append(x[:, t], cache)
            rows.append(row)
        whole, appended = attention(x, lengths)[:, kept:], torch.stack(rows, 1)
        truth = copy.deepcopy(attention).double()(x.double(), lengths)[:, kept:]
        with pytest.raises(IndexError):
            attention.append(x[:, 0], cache)
    assert [part.data_ptr() for part in cache[:2]] == blocks
    assert appended.dtype == dtype
    if dtype == torch.float64:
        assert_equal([appended], [whole])
    else:
        assert_errs_no_more(appended, whole, truth, dtype, "append")


SCALES = {torch.float64: (0.0, 1e-20, 1.0, 1e20), **dict.fromkeys(LOW, (0.0, 1e-6, 1.0, 1e6))}


def scaled(dtype: torch.dtype, x: Tensor) -> Tensor:
    """Put copies of `x` of every scale below each other: what is not finite in one is not in their sums."""
    return torch.cat([x * scale for scale in SCALES[dtype]]).to(dtype)


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [1, 80])
def test_values_and_gradients_stay_finite(name: str, form: str, dtype: torch.dtype, length: int) -> None:
    x = scaled(dtype, inputs(2, length, WIDTH))
    assert_finite(without_bias(made(name, form, dtype)), x, torch.tensor([length, 1]).repeat(len(x) // 2))


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_gradients_stay_finite_on_zero_tokens(name: str, form: str, dtype: torch.dtype) -> None:
    x = inputs(2, 80, WIDTH, dtype=dtype)
    # The first tokens of one history, most of the other.
    x[0, :10] = x[1, 1:70] = 0
    assert_finite(without_bias(made(name, form, dtype)), x, torch.tensor([80, 75]))


@pytest.mark.parametrize(("name", "form"), MIXING)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [1, 80])
def test_values_and_gradients_stay_finite_on_zero_columns(
    name: str, form: str, dtype: torch.dtype, length: int
) -> None:
    attention = made(name, form, dtype)
    parts = parts_of(attention, inputs(2, length, WIDTH, dtype=dtype) * SPREAD)
    for part in parts:
        if part.ndim == 4:
            part[..., 0] = 0
    for value in results(attention.attend, parts, torch.tensor([length, 1])):
        assert value.isfinite().all()


@pytest.mark.parametrize("name", STEPPING)
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_stay_finite(name: str, dtype: torch.dtype) -> None:
    attention = without_bias(made(name, dtype=dtype))
    state = attention.start(2 * len(SCALES[dtype]))
    for t in range(3):
        row, state = attention.step(scaled(dtype, inputs(2, WIDTH, seed=t)), state)
        assert all(value.isfinite().all() for value in (row, *state))


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_it_runs_under_autocast(name: str, form: str) -> None:
    attention, x = made(name, form, torch.float32), inputs(3, 150, WIDTH, dtype=torch.float32)
    plain = attention(x, LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        assert_finite(attention, x, LENGTHS)
        cast = attention(x, LENGTHS)
    mask = real(LENGTHS, 150)[:, 0]
    assert ((cast - plain) * mask).norm() <= 0.05 * (plain * mask).norm()


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_states_cost_and_source(name: str) -> None:
    text = inspect.getdoc(CLASSES[name])
    assert text
    assert re.search(r"Cost: `O\(.+?\)` operations and `O\(.+?\)` memory", " ".join(text.split()))
    assert re.search(r"Source: .*\b(19|20)\d\d\b", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_default_that_can_be_written_out(name: str) -> None:
    options = list(inspect.signature(CLASSES[name]).parameters.values())[4:]
    assert all(option.default is not inspect.Parameter.empty for option in options)
    text = [f"{o.name}={str(o.default).lower() if isinstance(o.default, bool) else o.default}" for o in options]
    form = catalog.load("attentions", name).FORMS[0]
    sizes = [math.fsum(p.numel() for p in made(spec, form).parameters()) for spec in (name, ":".join([name, *text]))]
    assert sizes[0] == sizes[1]


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no option 'pad' of 'local'; known: window"):
        build("local:pad=included", WIDTH, HEADS, causal=True, maxlen=10)
    with pytest.raises(UsageError, match="'linear' takes no options, and 'pad' is given"):
        build("linear:pad=included", WIDTH, HEADS, causal=True, maxlen=10)
