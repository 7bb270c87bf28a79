"""What mechanisms do around their mixing, by their docstrings alone: gates, norms, strengths, decays, first weights.

The mixing itself is held against `reference` in test_contract.py; what `reference` is given, what is made of it and
the numbers that both have in common are held here.
"""

from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.attentions._build import build

WIDTH, HEADS, SIZE = 12, 3, 4


def made(spec: str, causal: bool = True) -> nn.Module:
    """A mechanism away from its first weights."""
    torch.manual_seed(0)
    attention = build(spec, WIDTH, HEADS, causal=causal, maxlen=9).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter += 0.4 * torch.randn_like(parameter)
    return attention


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def silu(x: Tensor) -> Tensor:
    return x * sigmoid(x)


def softplus(x: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(x))


def rms(x: Tensor, eps: float) -> Tensor:
    return x / ((x * x).mean(-1, keepdim=True) + eps).sqrt()


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    y = x @ layer.weight.T
    return y if layer.bias is None else y + layer.bias


ENDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "retention": lambda mixed, gate: rms(mixed, 1e-6) * silu(gate),
    "gated": lambda mixed, gate: rms(mixed, 1e-5) * silu(gate),
    "delta": lambda mixed, gate: rms(mixed, 1e-5) * silu(gate),
    "ssd": lambda mixed, gate: rms(mixed * silu(gate), 1e-5),
    "linear-gated": lambda mixed, gate: rms(mixed, 1e-6) * silu(gate),
    "linear-gated:norm=false": lambda mixed, gate: mixed * silu(gate),
    "linear-gated:gate=false": lambda mixed, gate: rms(mixed, 1e-6),
}
"""What is made of what a head has mixed, `[..., D]`, by the head's part of the gate."""


@pytest.mark.parametrize("spec", ENDS)
@pytest.mark.parametrize("scale", [1.0, 2e-3])
def test_each_head_is_normed_and_gated_as_stated_then_projected(spec: str, scale: float) -> None:
    attention = made(spec)
    mixed, x = scale * torch.randn(2, HEADS, 5, SIZE).double(), torch.randn(2, 5, WIDTH).double()
    gate = torch.zeros_like(x) if attention.gate is None else linear(attention.gate, x)
    heads = [ENDS[spec](mixed[:, h], gate[..., h * SIZE : (h + 1) * SIZE]) for h in range(HEADS)]
    torch.testing.assert_close(attention.join(mixed, x), linear(attention.outward, torch.cat(heads, -1)))


def test_strengths_and_decays_are_those_stated() -> None:
    x = torch.randn(2, 5, WIDTH).double()
    delta, gated, ssd = (made(name) for name in ("delta", "gated", "ssd"))
    *_, strength, log_decay = delta.split(x)
    torch.testing.assert_close(strength, sigmoid(linear(delta.strength, x)).mT)
    expected = -torch.exp(delta.decay) * softplus(linear(delta.rate, x) + delta.bias)
    torch.testing.assert_close(log_decay, expected.mT)
    *_, log_decay = gated.split(x)
    expected = torch.log(sigmoid(linear(gated.decay, linear(gated.narrow, x)))) / 16
    torch.testing.assert_close(log_decay.transpose(1, 2).flatten(2), expected)
    *_, steps = ssd.split(x)
    torch.testing.assert_close(steps, softplus(linear(ssd.rate, x) + ssd.bias).mT)


@pytest.mark.parametrize("name", ["delta", "ssd"])
def test_decays_begin_spread_over_the_heads(name: str) -> None:
    attention = build(name, 64, 4, causal=True, maxlen=9)
    assert attention.decay.detach().exp().tolist() == pytest.approx([1, 6, 11, 16])
    steps = softplus(attention.bias.detach()).tolist()
    assert steps == pytest.approx([10 ** -(1 + 2 * head / 3) for head in range(4)], rel=1e-4)
    if name == "ssd":
        assert attention.skip.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("spec", "parts", "bound"),
    [
        ("linformer:rank=16", ("e", "f"), (0.5 * 6 / (300 + 16)) ** 0.5),
        ("nystrom:conv=25", ("kernel",), 25**-0.5),
        ("delta", ("convolution.filters",), 0.5),
    ],
)
def test_weights_that_are_drawn_reach_up_to_what_is_stated(spec: str, parts: tuple[str, ...], bound: float) -> None:
    torch.manual_seed(0)
    causal = "causal" in catalog.load("attentions", spec.partition(":")[0]).FORMS
    attention = build(spec, 64, 4, causal=causal, maxlen=300)
    for part in parts:
        weight = attention.get_parameter(part).detach()
        assert float(weight.abs().max()) == pytest.approx(bound, rel=0.05)
        # Uniformly: of a normal one the spread would be far smaller beside its greatest.
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.12)


@pytest.mark.parametrize("causal", [True, False])
def test_the_mean_is_that_of_the_values_seen(causal: bool) -> None:
    attention, x, lengths = made("mean", causal), torch.randn(2, 5, WIDTH).double(), torch.tensor([5, 3])
    out, values = attention(x, lengths), linear(attention.inward, x)
    for user, length in enumerate(lengths.tolist()):
        for t in range(length):
            seen = values[user, : t + 1 if causal else length]
            torch.testing.assert_close(out[user, t], linear(attention.outward, sum(seen) / len(seen)))


def test_many_random_features_come_near_to_softmax() -> None:
    performer, softmax = (made(spec) for spec in ("performer:features=16384", "softmax"))
    q, k, v = (0.7 * torch.randn(2, HEADS, 6, SIZE).double() for _ in range(3))
    lengths = torch.tensor([6, 6])
    apart = performer.attend(q, k, v, lengths) - softmax.attend(q, k, v, lengths)
    assert float(apart.square().mean().sqrt()) < 0.03 * float(v.square().mean().sqrt())


def test_features_are_d_ln_d_directions_as_long_as_gaussian_ones() -> None:
    directions = build("performer", 64, 2, causal=True, maxlen=9).directions
    assert len(directions) == 111, "32 ln 32, rounded up"
    assert float(directions.square().sum(1).mean()) == pytest.approx(32, rel=0.1)
    assert float(directions.norm(dim=1).std()) > 0.4, "their norms are drawn"
    torch.testing.assert_close(directions[0] @ directions[1], torch.tensor(0.0), atol=1e-4, rtol=0)


NUMBERS = {
    "attentions.cosformer": {"FLOOR": 1e-3},
    "attentions.delta": {"EPS": 1e-5, "LENGTH_EPS": 1e-6},
    "attentions.elu": {"EPS": 1e-6},
    "attentions.gated": {"EPS": 1e-5, "RANK": 16, "TEMPERATURE": 16, "LEAST": -1.0},
    "attentions.hstu": {"EPS": 1e-6},
    "attentions.linear_gated": {"EPS": 1e-6, "HALF_LIVES": (8.0, 128.0)},
    "attentions.performer": {"FLOOR": 1e-6, "LIMIT": 40.0},
    "attentions.retention": {"EPS": 1e-6, "BASE": 10_000.0},
    "attentions.ssd": {"EPS": 1e-5},
    "kernels._chunks": {"QUERY_EPS": 1e-12, "KEY_EPS": 1e-3},
}
"""Numbers that a fast form and its twin have in common, as their sources and docstrings have them."""


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_both_twins_read_are_those_of_the_sources(name: str) -> None:
    module = import_module(f"linrec_cli.{name}")
    assert {key: getattr(module, key) for key in NUMBERS[name]} == NUMBERS[name]


FORMS = [(name, form) for name in catalog.names("attentions") for form in catalog.load("attentions", name).FORMS]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_every_parameter_takes_part(name: str, form: str) -> None:
    attention = made(name, form == "causal")
    x, lengths = torch.randn(2, 9, WIDTH).double(), torch.tensor([9, 7])
    out = attention(x, lengths)
    (out * torch.randn_like(out))[:, :7].sum().backward()
    assert [key for key, value in attention.named_parameters() if value.grad is None or not value.grad.any()] == []
