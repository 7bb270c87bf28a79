"""A step is the one that training takes, on a batch that the objective made."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.tally import tally
from linrec_cli.training import fit
from linrec_cli.training.state import State

One = Callable[..., Cell]
TRAINED = [name for name in catalog.names("models") if catalog.load("models", name).FORM]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[State, Batch, float]]:
    """The state, batch and loss of each step that training's own function takes."""
    found: list[tuple[State, Batch, float]] = []
    step = fit.step

    def noted(state: State, batch: Batch) -> Any:
        loss = step(state, batch)
        found.append((state, batch, float(loss)))
        return loss

    monkeypatch.setattr(fit, "step", noted)
    return found


@pytest.mark.parametrize("model", TRAINED)
def test_a_span_is_one_step_of_training(one: One, steps: list[Any], model: str) -> None:
    cell = replace(one("softmax", "step", model=model, dtype="bfloat16", seed=5, layers=3), loss="bce")
    (span,) = build(cell).spans.values()
    span()
    ((state, batch, _),) = steps
    assert batch.items.shape == (4, 8)
    same = ("model", "attn", "objective", "loss", "maxlen", "width", "heads", "layers", "seed", "dtype")
    assert {name: getattr(state.settings, name) for name in same} == {name: getattr(cell, name) for name in same}
    # It learns what it is shown again and again; fast, so that a few steps show it of any model.
    for group in state.optimizer.param_groups:
        group["lr"] *= 10
    for _ in range(30):
        span()
    losses = [loss for _, _, loss in steps]
    assert sum(losses[-10:]) < sum(losses[:10])


def test_every_position_of_a_causal_model_has_a_target(one: One, steps: list[Any]) -> None:
    build(one("softmax", "step")).spans["step"]()
    ((_, batch, _),) = steps
    assert batch.count == batch.targets.count_nonzero() == 4 * 8
    assert batch.items.max() <= 11


def test_targets_of_a_bidirectional_model_are_hidden_from_it(one: One, steps: list[Any]) -> None:
    build(one("softmax", "step", model="bert4rec")).spans["step"]()
    ((_, batch, _),) = steps
    assert 0 < batch.count < 4 * 8
    # The item after the last stands for a hidden one.
    assert torch.equal(batch.items == 12, batch.targets > 0)


def test_its_rows_name_objective_and_loss_and_those_of_other_phases_do_not(one: One) -> None:
    assert [one("softmax", "step").labels[name] for name in ("objective", "loss")] == ["next", "cross-entropy"]
    assert one("softmax", "step", model="bert4rec").labels["objective"] == "cloze"
    assert {one("softmax", "encoder").labels[name] for name in ("objective", "loss")} == {None}


def test_what_is_kept_is_the_same_at_every_run(one: One) -> None:
    assert len({tally(build(one("linear", "step")).spans["step"]) for _ in range(3)}) == 1
