from dataclasses import replace
from pathlib import Path

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError, LinrecError
from linrec_cli.settings import Train
from linrec_cli.training import checkpoint, fit

CAUSAL = [name for name in catalog.names("attentions") if "causal" in catalog.load("attentions", name).FORMS]
SMALL = Train(maxlen=20, width=8, heads=2, layers=1, tokens=100, patience=100, epochs=3)


class KilledError(Exception):
    pass


def finished(settings: Train, sequences: Sequences) -> fit.State:
    state = fit.start(settings, sequences.count)
    list(fit.epochs(state, settings, sequences))
    return state


def test_an_interrupted_run_that_goes_on_ends_bit_for_bit_where_the_other_does(
    sequences: Sequences, tmp_path: Path
) -> None:
    whole = finished(SMALL, sequences)

    def kill(at: fit.Position, batches: int) -> None:
        if at.epoch == 1 and at.batch == 4:
            raise KilledError

    state = fit.start(SMALL, sequences.count)
    with pytest.raises(KilledError):
        list(fit.epochs(state, SMALL, sequences, report=kill, save=lambda s: checkpoint.save(s, tmp_path), every=0))
    resumed = fit.start(SMALL, sequences.count)
    assert checkpoint.load(resumed, tmp_path)
    assert (resumed.at.epoch, resumed.at.batch) == (1, 3)
    list(fit.epochs(resumed, SMALL, sequences))
    assert checkpoint.digest(resumed.model.state_dict()) == checkpoint.digest(whole.model.state_dict())
    assert checkpoint.digest(resumed.best) == checkpoint.digest(whole.best)
    assert [(e.loss, e.ndcg) for e in resumed.history] == [(e.loss, e.ndcg) for e in whole.history]


def test_the_seed_decides_the_run(sequences: Sequences) -> None:
    a, b, c = (finished(replace(SMALL, seed=seed, epochs=1), sequences) for seed in (0, 0, 1))
    assert checkpoint.digest(a.best) == checkpoint.digest(b.best) != checkpoint.digest(c.best)


@pytest.mark.parametrize("attn", CAUSAL)
def test_training_learns_the_ring(sequences: Sequences, attn: str) -> None:
    settings = Train(attn=attn, maxlen=20, width=16, heads=2, layers=1, tokens=200, lr=1e-2, dropout=0.0, epochs=15)
    history = finished(settings, sequences).history
    # The next item is one of two: no loss can be below log 2.
    assert 0.69 < history[-1].loss < 1.5 < history[0].loss
    assert max(epoch.ndcg for epoch in history) > 0.5


def test_patience_counts_from_the_best_epoch(sequences: Sequences) -> None:
    state = finished(replace(SMALL, lr=0.0, patience=3, epochs=50), sequences)
    assert len(state.history) == 4
    assert state.best_epoch().epoch == 0


def test_a_loss_that_is_not_finite_stops_the_run(sequences: Sequences) -> None:
    state = fit.start(SMALL, sequences.count)
    state.model.items.weight.data[3] = torch.nan
    with pytest.raises(LinrecError, match="lower --lr"):
        list(fit.epochs(state, SMALL, sequences))


def test_a_damaged_checkpoint_is_an_error_that_says_what_to_do(sequences: Sequences, tmp_path: Path) -> None:
    (tmp_path / checkpoint.CHECKPOINT).write_bytes(b"no safetensors at all")
    with pytest.raises(DataError, match="--fresh"):
        checkpoint.load(fit.start(SMALL, sequences.count), tmp_path)


def test_a_checkpoint_of_another_width_is_refused(sequences: Sequences, tmp_path: Path) -> None:
    checkpoint.save(fit.start(SMALL, sequences.count), tmp_path)
    with pytest.raises(DataError, match="cannot be used"):
        checkpoint.load(fit.start(replace(SMALL, width=16), sequences.count), tmp_path)


def test_where_there_is_no_checkpoint_nothing_is_loaded(sequences: Sequences, tmp_path: Path) -> None:
    assert not checkpoint.load(fit.start(SMALL, sequences.count), tmp_path)
