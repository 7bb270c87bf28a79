"""A captured step trains as one that is not: capturing is played by doing the work again, where it was captured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import waiting
from torch import Tensor

from linrec_cli import processes
from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.settings import resolved
from linrec_cli.training import captured, checkpoint, fit, optimiser
from linrec_cli.training.captured import Captured, Step
from linrec_cli.training.seeds import seed

LOW = ("softmax", "linear", "nystrom", "performer", "delta")
"""Mechanisms that are tried in bfloat16 too: of the last three the backward pass has products of its own."""
CASES = [*waiting.mixing(1), *waiting.others()]
CASES += [{"dtype": "bfloat16"} | case for case in waiting.mixing(1) if case.get("attn") in LOW]
ITEMS = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay on a CPU."""
    monkeypatch.setattr(captured, "record", lambda work, pool: work)


def trained(change: dict[str, Any], graphs: bool, shares: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Train three times over an epoch; give the losses, the weights and the state."""
    monkeypatch.setattr(captured, "SHARES", shares)
    sequences, parts = waiting.histories()
    state, laid = waiting.started(change, sequences, parts)
    state.captured = Captured("cpu") if graphs else None
    losses = []
    for batch in [*laid.batches(sequences)] * 3:
        seed("cpu", len(losses))
        losses.append(float(fit.step(state, batch)))
    return losses, state.model.state_dict(), state


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Tell whether weights are the same bits."""
    return all(weight.equal(other[name]) for name, weight in one.items())


def batch(shift: int, lengths: tuple[int, int] = (4, 2), targets: Tensor = ITEMS) -> Batch:
    """Make a batch of two histories, with times."""
    places = targets.flatten().nonzero()[:, 0]
    return Batch(ITEMS + shift * (ITEMS > 0), torch.tensor(lengths), targets, len(places), ITEMS * shift, ITEMS, places)


@pytest.mark.parametrize("change", CASES, ids=lambda change: ",".join(map(str, change.values())))
def test_losses_and_weights_are_those_of_a_training_without_graphs(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many shares as there are positions, so that none is left over.
    losses, weights, _ = trained(change, False, 10**6, monkeypatch)
    found, theirs, state = trained(change, True, 10**6, monkeypatch)
    assert (found, same(weights, theirs)) == (losses, True)
    assert {type(one) for one in state.captured.shapes.values()} == {Step}


@pytest.mark.parametrize("change", [{}, {"objective": "last"}, {"model": "bert4rec"}, {"loss": "sampled"}])
def test_places_that_are_left_over_take_no_part(change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    losses, weights, _ = trained(change, False, 1, monkeypatch)
    found, theirs, state = trained(change, True, 1, monkeypatch)
    assert found == pytest.approx(losses, rel=1e-5)
    for name, weight in weights.items():
        torch.testing.assert_close(theirs[name], weight, rtol=1e-3, atol=1e-4)
    left = [(len(step.batch.places), int((step.batch.targets != 0).sum())) for step in state.captured.shapes.values()]
    assert any(places > targets for places, targets in left)


def test_a_shape_is_trained_on_as_ever_at_first_then_captured_once_and_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded, recorded, read = [], [], ("items", "lengths", "targets", "times", "target_times")
    monkeypatch.setattr(captured, "record", lambda work, pool: recorded.append(work) or work)
    state, _ = waiting.started({}, *waiting.histories())
    state.captured, own = Captured("cpu"), state.model.encode
    state.model.encode = lambda batch: encoded.append(batch) or own(batch)
    batches = [batch(shift, (4, 1 + shift % 2)) for shift in range(4)]
    for one in batches:
        fit.step(state, one)
        told = [getattr(encoded[-1], name) for name in read]
        assert all(x.equal(getattr(one, name)) for name, x in zip(read, told, strict=True))
    there = encoded[1]
    assert [one is there for one in encoded] == [False, True, True, True]
    assert len(recorded) == 1
    assert all(getattr(there, name) is not getattr(batches[1], name) for name in read)
    fit.step(state, Batch(ITEMS[:1], batches[0].lengths[:1], ITEMS[:1], 4, places=torch.arange(4)))
    assert len(state.captured.shapes) == 2


def test_how_many_targets_a_graph_has_room_for_is_a_share_of_the_positions() -> None:
    items = torch.ones(4, 10, dtype=torch.int64)
    rooms = {count: captured.room(Batch(items, items[:, 0], places=torch.arange(count))) for count in (1, 5, 6, 36, 40)}
    assert rooms == {1: 5, 5: 5, 6: 10, 36: 40, 40: 40}
    small = Batch(items[:1, :3], items[:1, 0], places=torch.arange(2))
    assert captured.room(small) == 2
    odd = Batch(items[:1].repeat(1, 2)[:, :19], items[:1, 0], places=torch.arange(18))
    assert captured.room(odd) == 18
    assert captured.room(replace(odd, places=torch.arange(19))) == 19


def test_fewer_targets_of_the_same_room_are_one_shape_and_more_are_another() -> None:
    state, _ = waiting.started({}, *waiting.histories())
    state.captured = Captured("cpu")
    for targets in (ITEMS, ITEMS, ITEMS * (ITEMS != 6), ITEMS * (ITEMS == 3)):
        assert torch.isfinite(fit.step(state, batch(1, targets=targets)))
    assert len(state.captured.shapes) == 3


def test_where_targets_stand_is_looked_up_where_an_objective_does_not_say_it() -> None:
    losses = []
    for told in (True, False):
        state, _ = waiting.started({}, *waiting.histories())
        state.captured = Captured("cpu")
        own = batch(1, targets=ITEMS * (ITEMS != 2))
        losses.append([float(fit.step(state, own if told else replace(own, places=None))) for _ in range(3)])
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 3


def test_a_loss_is_kept_when_the_next_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    there, own = torch.zeros(()), fit.learned
    # A graph writes each loss where the last one was.
    monkeypatch.setattr(fit, "learned", lambda state, batch: there.copy_(own(state, batch)))
    state, _ = waiting.started({}, *waiting.histories())
    state.captured = Captured("cpu")
    losses = [fit.step(state, batch(1)) for _ in range(4)]
    assert len({float(loss) for loss in losses[1:]}) == 3


def test_a_training_is_captured_where_that_is_asked_for() -> None:
    sequences, parts = waiting.histories()
    assert waiting.started({}, sequences, parts)[0].captured is None
    assert waiting.started({"graphs": True}, sequences, parts)[0].captured is not None
    counted = resolved(replace(waiting.SMALL, model="popular", attn="", objective="", graphs=True))
    assert fit.start(counted, sequences, parts).captured is None


def test_a_graph_reads_the_learning_rate_of_each_step_where_it_stands(tmp_path: Path) -> None:
    change, histories = {"graphs": True, "warmup": 3, "lr": 0.01, "epochs": 1}, waiting.histories()
    trained, resumed = (waiting.started(change, *histories)[0] for _ in range(2))
    list(fit.epochs(trained, *histories))
    checkpoint.save(trained, tmp_path)
    assert checkpoint.load(resumed, tmp_path)
    for state in (trained, resumed):
        groups = state.optimizer.param_groups
        there = [group["lr"] for group in groups]
        assert all(group["capturable"] for group in groups)
        state.history.clear()
        for state.at.batch, rate in enumerate((0.01 / 3, 0.02 / 3, 0.01, 0.01)):
            optimiser.scheduled(state, 10)
            assert all(group["lr"] is lr for group, lr in zip(groups, there, strict=True))
            assert [float(lr) for lr in there] == pytest.approx([rate] * len(there))


def test_several_processes_are_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(UsageError, match=r"--graphs captures the whole step of one process: leave it out"):
        waiting.started({"graphs": True}, *waiting.histories())
    waiting.started({}, *waiting.histories())


def test_what_is_captured_casts_and_goes_backwards_as_what_is_not() -> None:
    low: list[tuple[bool, bool]] = []
    state, _ = waiting.started({"dtype": "bfloat16"}, *waiting.histories())
    state.captured, own = Captured("cpu"), state.model.encode

    def encode(one: Batch) -> Tensor:
        hidden: Tensor = own(one)
        forward = torch.is_autocast_enabled("cpu")
        hidden.register_hook(lambda gradient: low.append((forward, torch.is_autocast_enabled("cpu"))))
        return hidden

    state.model.encode = encode
    for _ in range(3):
        fit.step(state, batch(1))
    assert low == [(True, False)] * 3
