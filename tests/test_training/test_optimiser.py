"""Learning rates from step to step, clipped gradients, and the average of weights."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import UsageError
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.optimiser import adamw, rate
from linrec_cli.training.state import Position, State

SMALL = Train(maxlen=20, width=8, heads=2, layers=1, tokens=200, patience=100, epochs=2)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [0.4] * 5), ("linear", [0.4, 0.3, 0.2, 0.1, 0.0]),
     ("cosine", [0.4, 0.2 + 0.2 * math.sqrt(0.5), 0.2, 0.2 - 0.2 * math.sqrt(0.5), 0.0])],
)  # fmt: skip
def test_a_schedule_falls_to_nothing_at_the_last_epoch(schedule: str, expected: list[float]) -> None:
    settings = Train(lr=0.4, schedule=schedule)
    assert [rate(settings, 10, done / 4) for done in range(5)] == pytest.approx(expected)


def test_a_warm_up_rises_by_equal_steps_to_the_whole_rate() -> None:
    settings = Train(lr=0.4, warmup=4)
    assert [rate(settings, step, 0.0) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    assert rate(replace(settings, schedule="linear"), 1, 0.5) == pytest.approx(0.1)


@pytest.mark.parametrize("wrong", [{"ema": 1.0}, {"ema": -0.1}, {"warmup": -1}, {"clip": -1.0}, {"schedule": "step"}])
def test_what_would_train_nothing_or_backwards_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Train(**wrong)


def test_steps_are_given_the_rate_of_their_epoch_and_batch(sequences: Sequences, parts: Parts) -> None:
    settings = replace(SMALL, warmup=3, schedule="linear")
    state = fit.start(settings, sequences, parts)
    rates, batches = [], []

    def seen(at: Position, count: int) -> None:
        rates.append(state.optimizer.param_groups[1]["lr"])  # type: ignore[union-attr]
        assert {group["lr"] for group in state.optimizer.param_groups} == {rates[-1]}  # type: ignore[union-attr]
        batches.append(count)

    list(fit.epochs(state, sequences, parts, report=seen))
    first, second = batches[0], batches[-1]
    assert len(rates) == first + second > 6
    done = [n / first / 2 for n in range(first)] + [0.5 + n / second / 2 for n in range(second)]
    assert rates == pytest.approx([1e-3 * min(1, (n + 1) / 3) * (1 - d) for n, d in enumerate(done)])


def test_the_rate_rises_though_it_never_falls(sequences: Sequences, parts: Parts) -> None:
    state, _ = stepped(replace(SMALL, epochs=1, warmup=100_000), sequences, parts)
    assert state.optimizer is not None
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(1e-8 * state.steps())


def stepped(settings: Train, sequences: Sequences, parts: Parts) -> tuple[State, list[dict[str, Tensor]]]:
    """Train an epoch; give its state and the weights after each step."""
    state = fit.start(settings, sequences, parts)
    after = [weights(state)]
    list(fit.epochs(state, sequences, parts, report=lambda at, count: after.append(weights(state))))
    return state, after


def weights(state: State) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.model.named_parameters()}


def test_gradients_are_no_longer_than_the_clip_and_short_ones_stay(sequences: Sequences, parts: Parts) -> None:
    def norm(clip: float) -> float:
        state, _ = stepped(replace(SMALL, epochs=1, clip=clip, dropout=0.0, lr=0.0), sequences, parts)
        return math.sqrt(sum(float(p.grad.square().sum()) for p in state.model.parameters() if p.grad is not None))

    whole = norm(0.0)
    assert norm(whole / 3) == pytest.approx(whole / 3, rel=1e-4)
    assert norm(whole * 3) == pytest.approx(whole)


def test_the_average_is_the_weights_of_all_steps_each_with_its_share(sequences: Sequences, parts: Parts) -> None:
    # What it keeps rises from step to step, and not anew in the second epoch.
    state = fit.start(replace(SMALL, epochs=2, ema=0.3), sequences, parts)
    after, averages = [], []

    def note(at: Position, count: int) -> None:
        after.append(weights(state))
        averages.append({name: value.clone() for name, value in state.average.items()})

    list(fit.epochs(state, sequences, parts, report=note))
    assert len(after) > 4
    expected = after[0]
    for steps, (now, average) in enumerate(zip(after, averages, strict=True)):
        kept = min(0.3, (1 + steps) / (10 + steps))
        expected = {name: kept * expected[name] + (1 - kept) * now[name] for name in now}
        for name, value in expected.items():
            torch.testing.assert_close(average[name], value, rtol=0, atol=1e-6)


def test_a_validation_that_fails_leaves_the_weights(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = fit.start(replace(SMALL, epochs=1, ema=0.9), sequences, parts)
    trained: dict[str, Tensor] = {}

    def note(at: Position, count: int) -> None:
        trained.update(weights(state))

    def fail(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "validate", fail)
    with pytest.raises(KeyboardInterrupt):
        list(fit.epochs(state, sequences, parts, report=note))
    assert all(torch.equal(value, trained[name]) for name, value in weights(state).items())


def test_the_average_is_validated_and_kept_and_the_weights_are_trained_on(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[dict[str, Tensor]] = []
    state = fit.start(replace(SMALL, epochs=1, ema=0.9), sequences, parts)
    monkeypatch.setattr(fit, "validate", lambda state, *given: (validated.append(weights(state)), (1.0, 0.0))[1])
    list(fit.epochs(state, sequences, parts))
    trained = weights(state)
    for name, value in state.average.items():
        assert torch.equal(validated[0][name], value)
        assert torch.equal(state.best[name], value)
    assert any(not torch.equal(trained[name], value) for name, value in state.average.items())


def test_nothing_is_averaged_where_it_is_not_asked_for(sequences: Sequences, parts: Parts) -> None:
    state, _ = stepped(replace(SMALL, epochs=1), sequences, parts)
    assert state.average == {}


def test_it_is_adamw_as_torch_has_it() -> None:
    made = adamw(torch.nn.Linear(3, 2), replace(SMALL, lr=0.02, weight_decay=0.3, device="cpu"))
    assert type(made) is torch.optim.AdamW
    for group, decay in zip(made.param_groups, (0.3, 0.0), strict=True):
        assert (group["lr"], group["weight_decay"], group["betas"], group["eps"]) == (0.02, decay, (0.9, 0.999), 1e-8)
        assert not group["amsgrad"]
