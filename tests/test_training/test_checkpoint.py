"""Runs that are cut short and go on."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.settings import Train
from linrec_cli.training import checkpoint, fit
from linrec_cli.training.state import Position, State

SMALL = Train(maxlen=20, width=8, heads=2, layers=1, tokens=100, patience=100, epochs=3)


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model": "bert4rec"},
        {"loss": "bce"},
        {"loss": "sampled:negatives=9:power=1", "objective": "last"},
        {"ema": 0.9, "warmup": 7, "schedule": "cosine", "clip": 0.1},
    ],
)
def test_an_interrupted_run_that_goes_on_ends_bit_for_bit_where_the_other_does(
    sequences: Sequences, parts: Parts, tmp_path: Path, change: dict[str, Any]
) -> None:
    settings = replace(SMALL, epochs=2, tokens=300, **change)
    whole = fit.start(settings, sequences, parts)
    list(fit.epochs(whole, sequences, parts))

    def kill(at: Position, batches: int) -> None:
        if at.epoch == 1 and at.batch == 4:
            raise KilledError

    state = fit.start(settings, sequences, parts)
    with pytest.raises(KilledError):
        list(fit.epochs(state, sequences, parts, report=kill, save=lambda s: checkpoint.save(s, tmp_path), every=0))
    resumed = fit.start(settings, sequences, parts)
    assert checkpoint.load(resumed, tmp_path)
    assert (resumed.at.epoch, resumed.at.batch) == (1, 3)
    list(fit.epochs(resumed, sequences, parts))
    assert checkpoint.digest(resumed.model.state_dict()) == checkpoint.digest(whole.model.state_dict())
    assert checkpoint.digest(resumed.best) == checkpoint.digest(whole.best)
    assert [(e.loss, e.ndcg, e.targets) for e in resumed.history] == [
        (e.loss, e.ndcg, e.targets) for e in whole.history
    ]


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_what_is_broken_off_between_two_readings_of_the_loss_keeps_those_of_its_last_batches(
    sequences: Sequences, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signal: type[BaseException]
) -> None:
    monkeypatch.setitem(fit.READ_EVERY, "cpu", 16)
    settings, step, done = replace(SMALL, epochs=1), fit.step, []
    whole = fit.start(settings, sequences, parts)
    list(fit.epochs(whole, sequences, parts))

    def broken(state: State, batch: Batch) -> Tensor:
        if len(done) == 5:
            raise signal
        done.append(batch.count)
        return step(state, batch)

    state = fit.start(settings, sequences, parts)
    monkeypatch.setattr(fit, "step", broken)
    with pytest.raises(signal):
        list(fit.epochs(state, sequences, parts))
    assert (state.at.batch, state.at.targets) == (5, sum(done))
    assert state.at.loss > 0
    assert state.at.seconds == state.at.spent > 0
    checkpoint.save(state, tmp_path)
    monkeypatch.setattr(fit, "step", step)
    resumed = fit.start(settings, sequences, parts)
    assert checkpoint.load(resumed, tmp_path)
    list(fit.epochs(resumed, sequences, parts))
    assert [(e.loss, e.ndcg, e.targets, e.batches) for e in resumed.history] == [
        (e.loss, e.ndcg, e.targets, e.batches) for e in whole.history
    ]


def test_the_weights_their_average_and_the_best_are_kept_apart(
    sequences: Sequences, parts: Parts, tmp_path: Path
) -> None:
    state, other = (fit.start(replace(SMALL, ema=0.9), sequences, parts) for _ in range(2))
    own = state.model.state_dict()
    state.best, state.average = ({name: torch.full_like(w, n) for name, w in own.items()} for n in (2.0, 3.0))
    checkpoint.save(state, tmp_path)
    assert checkpoint.load(other, tmp_path)
    assert checkpoint.digest(other.model.state_dict()) == checkpoint.digest(state.model.state_dict())
    assert {float(w.mean()) for w in other.best.values()} == {2.0}
    assert {float(w.mean()) for w in other.average.values()} == {3.0}


def test_it_is_saved_after_each_epoch_and_every_so_many_seconds(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, saved = [0.0], []

    def tick() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(fit.time, "perf_counter", tick)
    state = fit.start(replace(SMALL, epochs=2), sequences, parts)
    list(fit.epochs(state, sequences, parts, save=lambda s: saved.append((s.at.epoch, s.at.batch)), every=5.0))
    assert [at for at in saved if at[1] == 0] == [(1, 0), (2, 0)]
    inside = [batch for epoch, batch in saved if epoch == 0 and batch]
    assert inside[:2] == [5, 10]


def test_what_is_counted_is_kept_too(sequences: Sequences, parts: Parts, tmp_path: Path) -> None:
    state = fit.start(Train(model="markov"), sequences, parts)
    list(fit.epochs(state, sequences, parts, save=lambda s: checkpoint.save(s, tmp_path)))
    other = fit.start(Train(model="markov"), sequences, parts)
    assert checkpoint.load(other, tmp_path)
    assert other.done()
    assert checkpoint.digest(other.best) == checkpoint.digest(state.best)


def test_a_damaged_checkpoint_is_an_error_that_says_what_to_do(
    sequences: Sequences, parts: Parts, tmp_path: Path
) -> None:
    (tmp_path / checkpoint.CHECKPOINT).write_bytes(b"no safetensors at all")
    with pytest.raises(DataError, match="--fresh"):
        checkpoint.load(fit.start(SMALL, sequences, parts), tmp_path)


def test_a_checkpoint_of_another_width_is_refused(sequences: Sequences, parts: Parts, tmp_path: Path) -> None:
    checkpoint.save(fit.start(SMALL, sequences, parts), tmp_path)
    with pytest.raises(DataError, match="cannot be used"):
        checkpoint.load(fit.start(replace(SMALL, width=16), sequences, parts), tmp_path)


def test_where_there_is_no_checkpoint_nothing_is_loaded(sequences: Sequences, parts: Parts, tmp_path: Path) -> None:
    assert not checkpoint.load(fit.start(SMALL, sequences, parts), tmp_path)


def test_weights_are_read_back_bit_for_bit_and_their_lack_or_damage_is_told(tmp_path: Path) -> None:
    weights = {"a": torch.randn(3, 2), "b": torch.arange(4)}
    with pytest.raises(DataError, match="not finished"):
        checkpoint.read_weights(tmp_path, "cpu")
    checkpoint.write(weights, tmp_path / checkpoint.WEIGHTS)
    found = checkpoint.read_weights(tmp_path, "cpu")
    assert checkpoint.digest(found) == checkpoint.digest(weights)
    assert found["a"].dtype == torch.float32
    (tmp_path / checkpoint.WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(DataError, match="--fresh"):
        checkpoint.read_weights(tmp_path, "cpu")


def test_a_digest_tells_a_bit_a_name_and_a_place_apart() -> None:
    weights = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([3.0])}
    others = [
        {"a": torch.tensor([1.0, 2.0000002]), "b": torch.tensor([3.0])},
        {"a": torch.tensor([2.0, 1.0]), "b": torch.tensor([3.0])},
        {"a": torch.tensor([1.0, 2.0]), "c": torch.tensor([3.0])},
    ]
    assert checkpoint.digest(dict(reversed(weights.items()))) == checkpoint.digest(weights)
    assert checkpoint.digest(weights) not in {checkpoint.digest(other) for other in others}


@pytest.mark.parametrize("umask", [0o022, 0o002])
def test_others_may_read_a_checkpoint_where_the_umask_lets_them(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        checkpoint.write({"a": torch.ones(2)}, tmp_path / "weights.safetensors")
    finally:
        os.umask(before)
    assert (tmp_path / "weights.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    "counters",
    [
        None,
        "[" * 99999,
        "[]",
        "3",
        '{"history": 3}',
        '{"history": [{}]}',
        '{"history": [], "epoch": "x"}',
        '{"history": [], "batch": 1.5}',
        '{"history": [], "resumed_at": ["x"]}',
        '{"history": [], "loss": null}',
        '{"history": [], "strange": 1}',
    ],
)
def test_a_header_that_is_no_such_thing_is_one_line(
    sequences: Sequences, parts: Parts, tmp_path: Path, counters: str | None
) -> None:
    state = fit.start(SMALL, sequences, parts)
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    save_file(tensors, tmp_path / checkpoint.CHECKPOINT, None if counters is None else {"counters": counters})
    with pytest.raises(DataError, match=r"cannot be used \([^\n]+\); start anew with --fresh\.$"):
        checkpoint.load(state, tmp_path)
    assert state.at == Position()


def test_counters_that_are_whole_pass(sequences: Sequences, parts: Parts, tmp_path: Path) -> None:
    state = fit.start(SMALL, sequences, parts)
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    counters = '{"history": [], "epoch": 1, "loss": 2, "seconds": 0.5, "resumed_at": [3]}'
    save_file(tensors, tmp_path / checkpoint.CHECKPOINT, {"counters": counters})
    assert checkpoint.load(state, tmp_path)
    assert state.at == Position(epoch=1, loss=2, seconds=0.5, resumed_at=[3])
