from dataclasses import replace

import pytest

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models._recommender import Facts
from linrec_cli.settings import Train, resolved
from linrec_cli.training import estimate as module
from linrec_cli.training import fit
from linrec_cli.training.batches import Plan, plan
from linrec_cli.training.estimate import estimate, parameters
from linrec_cli.training.state import State

SMALL = Train(maxlen=20, width=8, layers=1, tokens=100)


@pytest.mark.parametrize(
    ("model", "objective"),
    [("sasrec", "next"), ("sasrec", "last"), ("bert4rec", "cloze"), ("bert4rec", "cloze:last=1")],
)
def test_an_estimate_counts_what_an_epoch_trains(
    sequences: Sequences, parts: Parts, model: str, objective: str
) -> None:
    asked = replace(SMALL, model=model, objective=objective, epochs=1)
    guess = estimate(asked, sequences, parts)
    (epoch,) = fit.epochs(fit.start(asked, sequences, parts), sequences, parts)
    assert (guess.batches, guess.targets, guess.measured) == (epoch.batches, epoch.targets, 3)


def test_targets_of_every_window_or_position_are_counted_without_making_them(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for objective, expected in (("next", lambda whole: whole.length.sum()), ("last", lambda whole: len(whole.length))):
        whole = plan(sequences, parts, objective, 20, 100, 0, 0)
        some = [next(whole.batches(sequences))]
        with monkeypatch.context() as patch:
            patch.setattr(Plan, "batches", None)
            assert module.targets(whole, some, sequences) == int(expected(whole))


def test_seconds_are_those_of_the_measured_batches_scaled_to_all_positions(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, positions = [0.0], []

    def step(state: State, batch: fit.Batch) -> float:
        # A second a position, and a first batch that is slow to start.
        positions.append(int(batch.lengths.sum()))
        now[0] += positions[-1] + (1000 if len(positions) == 1 else 0)
        return 0.0

    monkeypatch.setattr(module.fit, "step", step)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    guess = estimate(SMALL, sequences, parts)
    assert guess.seconds == pytest.approx(guess.targets)
    assert len(positions) == 4


def test_what_is_counted_is_counted_once(sequences: Sequences, parts: Parts) -> None:
    guess = estimate(Train(model="popular"), sequences, parts)
    assert (guess.parameters, guess.batches) == (0, 0)
    assert guess.targets == int((parts.train - sequences.offsets[:-1]).sum())


def test_parameters_are_counted_by_hand() -> None:
    settings = resolved(Train(attn="linear", maxlen=20, width=8, layers=1, heads=2))
    items, positions, attention, feed_forward, norms = 31 * 8, 20 * 8, 4 * (64 + 8), 2 * (64 + 8), 3 * 16
    assert parameters(fit.build(settings, Facts(30))) == items + positions + attention + feed_forward + norms
