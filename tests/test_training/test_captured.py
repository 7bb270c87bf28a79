"""A captured encoder trains as one that is not: capturing is played by doing the work again, where it was captured."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
import waiting
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.settings import resolved
from linrec_cli.training import captured, fit
from linrec_cli.training.captured import Captured, Encoder
from linrec_cli.training.seeds import seed
from linrec_cli.training.state import State

LOW = ("softmax", "linear", "nystrom", "performer", "delta")
"""Mechanisms that are tried in bfloat16 too: of the last three the backward pass has products of its own."""
CASES = [*waiting.mixing(1), *waiting.others()]
CASES += [{"dtype": "bfloat16"} | case for case in waiting.mixing(1) if case.get("attn") in LOW]


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay on a CPU, where a graph has what torch needs to go backwards."""
    monkeypatch.setattr(captured, "record", lambda work, pool: torch.enable_grad()(work))


def trained(change: dict[str, Any], graphs: bool, plant: Callable[[State], None] = lambda state: None) -> Any:
    """Train three times over an epoch; give the losses, the weights and the state."""
    sequences, parts = waiting.histories()
    state, laid = waiting.started(change, sequences, parts)
    state.captured = Captured(state.model, "cpu") if graphs else None
    plant(state)
    losses = []
    for batch in [*laid.batches(sequences)] * 3:
        seed("cpu", len(losses))
        losses.append(float(fit.step(state, batch)))
    return losses, state.model.state_dict(), state


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Tell whether weights are the same bits."""
    return all(weight.equal(other[name]) for name, weight in one.items())


@pytest.mark.parametrize("change", CASES, ids=lambda change: ",".join(map(str, change.values())))
def test_losses_and_weights_are_those_of_a_training_without_graphs(change: dict[str, Any]) -> None:
    losses, weights, _ = trained(change, graphs=False)
    found, theirs, state = trained(change, graphs=True)
    assert (found, same(weights, theirs)) == (losses, True)
    assert {type(one) for one in state.captured.shapes.values()} == {Encoder}


def test_a_shape_is_encoded_as_ever_at_first_then_captured_once_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, recorded = [], []

    def record(work: Callable[[], None], pool: object) -> Callable[[], None]:
        recorded.append(work)
        return torch.enable_grad()(work)

    monkeypatch.setattr(captured, "record", record)
    state, _ = waiting.started({}, *waiting.histories())
    state.captured, own = Captured(state.model, "cpu"), state.model.encode
    state.model.encode = lambda batch: encoded.append(batch) or own(batch)
    items = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    batches = [
        Batch(items + shift, torch.tensor([4, 1 + shift % 3]), items, 6, items * shift, items - shift, torch.arange(6))
        for shift in range(4)
    ]
    for batch in batches:
        fit.step(state, batch)
        told = [getattr(encoded[-1], name) for name in ("items", "lengths", "times", "target_times")]
        assert all(x.equal(getattr(batch, name)) for name, x in zip(captured.READ, told, strict=True))
    # Once before it is recorded, then for each replay, always where it was captured.
    there = encoded[1]
    assert [batch is there for batch in encoded] == [False, True, True, True, True]
    assert len(recorded) == 2
    assert all(getattr(there, name) is not getattr(batches[1], name) for name in captured.READ)
    fit.step(state, Batch(items[:1], batches[0].lengths[:1], items[:1], 4, places=torch.arange(4)))
    assert len(state.captured.shapes) == 2


def test_what_is_drawn_before_it_is_recorded_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    state, _ = waiting.started({"dropout": 0.5}, *waiting.histories())
    items = torch.tensor([[1, 2, 3, 4]])
    batch = Batch(items, torch.tensor([4]), items, 4, places=torch.arange(4))
    fit.step(state, batch)
    before = torch.get_rng_state()
    Encoder(state.model, batch, None, None)
    assert before.equal(torch.get_rng_state())


def test_gradients_that_were_replaced_are_an_error_and_not_lost() -> None:
    def plant(state: State) -> None:
        encode, steps = state.captured.encode, []

        def replacing(batch: Batch) -> Tensor:
            steps.append(batch)
            hidden = encode(batch)
            if len(steps) == 6:
                state.model.zero_grad()
            return hidden

        state.captured.encode = replacing

    with pytest.raises(RuntimeError, match=r"gradients were replaced that a graph adds to\."):
        trained({}, True, plant)


def test_a_weight_that_learns_nothing_is_left_alone() -> None:
    def plant(state: State) -> None:
        state.model.spare = torch.nn.Linear(3, 3)
        state.model.still = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
        state.optimizer.add_param_group({"params": list(state.model.spare.parameters()), "weight_decay": 0.5})

    torch.manual_seed(0)
    _, _, state = trained({}, True, plant)
    assert all(weight.grad is None for weight in state.model.spare.parameters())


def test_a_training_encodes_by_graphs_where_they_are_asked_for() -> None:
    sequences, parts = waiting.histories()
    assert waiting.started({}, sequences, parts)[0].captured is None
    state, _ = waiting.started({"graphs": True}, sequences, parts)
    assert state.captured.model is state.model
    counted = resolved(replace(waiting.SMALL, model="popular", attn="", objective="", graphs=True))
    assert fit.start(counted, sequences, parts).captured is None


class Seen(torch.autograd.Function):
    """Note under what it goes backwards."""

    found: ClassVar[list[bool]] = []

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Change nothing."""
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Change nothing."""
        Seen.found.append(torch.is_autocast_enabled("cpu"))
        return gradient


def test_it_goes_backwards_under_what_a_step_does_and_casts_as_one_that_is_not_captured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is captured is done where it is recorded, and not where it is played.
    monkeypatch.setattr(captured, "record", lambda work, pool: (work(), torch.enable_grad()(work))[1])
    casts = []
    for graphs in (False, True):
        state, _ = waiting.started({"dtype": "bfloat16"}, *waiting.histories())
        state.captured, own = Captured(state.model, "cpu") if graphs else None, state.model.encode
        state.model.encode = lambda batch, own=own: (
            casts.append(torch.is_autocast_cache_enabled()),
            Seen.apply(own(batch)),
        )[1]
        items = torch.tensor([[1, 2, 3, 4]])
        for _ in range(3):
            fit.step(state, Batch(items, torch.tensor([4]), items, 4, places=torch.arange(4)))
    assert not any(Seen.found)
    assert len(Seen.found) > 6
    assert casts[:3] == [True] * 3
    assert not any(casts[3:])
