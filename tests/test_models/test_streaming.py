"""Models that mix positions in a way of their own, an event at a time: the state gives what the whole history gives."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts

Made = Callable[..., Batch]

MODULES = {name: catalog.load("models", name) for name in catalog.names("models")}
NAMES = [
    name for name, module in MODULES.items() if not getattr(module, "ATTN", True) and hasattr(module.Model, "step")
]
# Longer than a chunk of the parallel forms.
HISTORY = torch.randint(1, 10, (3, 66), generator=torch.Generator().manual_seed(0))
EVENTS = Batch(HISTORY, torch.full((3,), 66))


def made(name: str, layers: int = 2) -> Any:
    torch.manual_seed(0)
    model: nn.Module = MODULES[name].Model(Facts(9), 66, "", width=8, heads=2, layers=layers, dropout=0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def streamed(model: Any, history: Tensor) -> Tensor:
    """Give what is told after each event, `[B, T, C]`."""
    state, rows = model.start(len(history)), []
    for items in history.unbind(1):
        query, state = model.step(items, state)
        rows.append(query)
    return torch.stack(rows, 1)


def parts(state: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


def test_those_that_should_are_tried() -> None:
    assert {"gru4rec", "lrurec", "mamba4rec"} <= set(NAMES)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_after_each_event_the_query_is_that_of_the_history_so_far(batch: Made, name: str, layers: int) -> None:
    model = made(name, layers)
    with torch.no_grad():
        found = streamed(model, HISTORY)
        torch.testing.assert_close(found, model.encode(EVENTS), rtol=0, atol=1e-5)
        for count in (1, 2, 3, 5):
            query = model.query(batch(*HISTORY[:, :count].tolist()))
            torch.testing.assert_close(found[:, count - 1], query, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_the_parallel_form_are_those_of_the_loop(name: str) -> None:
    model = made(name).double()
    weight = torch.randn(3, 66, model.table().shape[1], dtype=torch.float64)
    weights = list(model.parameters())
    for fast, plain in zip(
        *(
            torch.autograd.grad((out * weight).sum(), weights, allow_unused=True)
            for out in (model.encode(EVENTS), streamed(model, HISTORY))
        ),
        strict=True,
    ):
        torch.testing.assert_close(fast, plain, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_keeps_its_size_and_what_is_given_is_left_as_it_was(name: str) -> None:
    model = made(name)
    first = model.start(3)
    with torch.no_grad():
        _, second = model.step(HISTORY[:, 0], first)
        before = [part.clone() for part in parts(second)]
        _, third = model.step(HISTORY[:, 1], second)
    assert all((part == 0).all() for part in parts(first))
    assert [part.shape for part in parts(first)] == [part.shape for part in parts(third)]
    assert all(torch.equal(a, b) for a, b in zip(parts(second), before, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_users_are_apart_and_can_be_picked_from_a_state(name: str) -> None:
    model = made(name)
    with torch.no_grad():
        _, state = model.step(HISTORY[:, 0], model.start(3))
        picked = [part[[2, 0]] for part in parts(state)]
        found, _ = model.step(HISTORY[[2, 0], 1], picked[0] if isinstance(state, Tensor) else tuple(picked))
        torch.testing.assert_close(found, streamed(model, HISTORY[:, :2])[[2, 0], 1])
