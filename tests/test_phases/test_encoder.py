"""The encoder runs forward and backward, and learns nothing."""

from collections.abc import Callable

import pytest
import torch

from linrec_cli.phases import _model
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.tally import tally
from linrec_cli.training.state import State

One = Callable[..., Cell]


@pytest.mark.parametrize("model", ["sasrec", "bert4rec"])
def test_it_sends_a_gradient_to_every_weight_of_the_encoder_and_moves_none(
    one: One, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    states: list[State] = []
    start = _model.start
    monkeypatch.setattr(_model, "start", lambda *given: states.append(start(*given)) or states[-1])
    work = build(one("softmax", "encoder", model=model))
    weights = dict(states[0].model.named_parameters())
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    work.spans["encoder"]()
    # A bias of the items takes part in scores alone.
    assert {name for name, weight in weights.items() if weight.grad is None} <= {"bias"}
    assert all((weights[name] == value).all() for name, value in before.items())
    work.bare()
    assert {weight.grad for weight in weights.values()} == {None}


def test_each_run_sends_back_a_gradient_of_its_own(one: One, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[State] = []
    start = _model.start
    monkeypatch.setattr(_model, "start", lambda *given: states.append(start(*given)) or states[-1])
    span = build(one("softmax", "encoder")).spans["encoder"]
    states[0].model.eval()
    found = []
    for _ in range(2):
        span()
        found.append({k: w.grad.clone() for k, w in states[0].model.named_parameters() if w.grad is not None})
    assert found[0]
    assert all(torch.equal(grad, found[1][name]) for name, grad in found[0].items())


def test_items_are_drawn_from_all_there_are(one: One) -> None:
    cell = one("softmax", "encoder", items=50)
    for drawn in (_model.batch(cell, 40, 60).items, _model.histories(cell, 40, 60).flat):
        assert drawn.unique().tolist() == [*range(1, 51)]


def test_it_does_less_than_a_step_and_more_than_one_layer(one: One) -> None:
    spans = {phase: build(one("linear", phase)).spans for phase in ("attention", "encoder", "step")}
    layer, encoder, step = (sum(tally(span).operations for span in own.values()) for own in spans.values())
    assert 2 * layer < encoder < step
