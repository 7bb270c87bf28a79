"""What every objective promises: shapes, counts, and that no prediction sees its own target."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import UsageError
from linrec_cli.settings import Train, form
from linrec_cli.training import fit, refused
from linrec_cli.training.batches import Plan, plan

NAMES = catalog.names("objectives")
MAXLEN = 8
TRAINED = [name for name in catalog.names("models") if catalog.load("models", name).FORM]


def fitting(model: str, objective: str) -> bool:
    """Tell whether training would take the two together."""
    try:
        refused.check(Train(model=model, objective=objective))
    except UsageError:
        return False
    return True


def mechanisms(model: str) -> list[str]:
    asked = form(model)
    return [name for name in catalog.names("attentions") if asked in catalog.load("attentions", name).FORMS] or ["auto"]


CASES = [(m, o, a) for m in TRAINED for o in NAMES if fitting(m, o) for a in mechanisms(m)]


@pytest.mark.parametrize("name", NAMES)
def test_targets_lie_in_the_training_part_and_are_counted(sequences: Sequences, parts: Parts, name: str) -> None:
    laid = plan(sequences, parts, name, MAXLEN, 100, 0, 0)
    ends = torch.arange(len(sequences.flat))[:, None] < parts.train
    inside = (ends & (torch.arange(len(sequences.flat))[:, None] >= sequences.offsets[:-1])).any(1)
    for rows, batch in zip(laid.rows, laid.batches(sequences), strict=True):
        assert batch.targets is not None
        assert batch.items.shape == batch.targets.shape
        assert batch.items.numel() <= 100
        assert batch.count == int((batch.targets > 0).sum())
        assert batch.places is not None
        assert batch.places.tolist() == [at for at, item in enumerate(batch.targets.flatten().tolist()) if item]
        assert (batch.lengths == laid.length[rows]).all()
        places = [place for _, _, place in trained(laid, rows, batch.targets, name, sequences)]
        assert inside[places].all()
        assert sequences.flat[places].tolist() == batch.targets[batch.targets > 0].tolist()


def trained(
    laid: Plan, rows: Tensor, targets: Tensor, objective: str, sequences: Sequences
) -> Iterator[tuple[int, int, int]]:
    """List where targets stand in a batch, and where in the data: what is hidden stands at its own position."""
    shift = 0 if catalog.load("objectives", objective).MASKED else 1
    for b, t in (targets > 0).nonzero().tolist():
        yield b, t, int(laid.start[rows[b]]) + t + shift


def moved(model: str, objective: str, attn: str, sequences: Sequences, parts: Parts, few: int = 6) -> int:
    """Change some targets in the data, one at a time; count those whose own prediction moves."""
    settings = Train(model=model, objective=objective, attn=attn, maxlen=MAXLEN, width=8, heads=2, layers=2)
    torch.manual_seed(0)
    made = fit.build(settings, fit.facts(sequences)).double().eval()
    laid = plan(sequences, parts, objective, MAXLEN, 64, 0, 0)
    rows, batch = laid.rows[0], next(laid.batches(sequences))
    assert batch.targets is not None
    with torch.no_grad():
        before, found = made.encode(batch), 0
        for b, t, place in [*trained(laid, rows, batch.targets, objective, sequences)][:few]:
            flat = sequences.flat.clone()
            flat[place] = flat[place] % sequences.count + 1
            other = next(laid.batches(replace(sequences, flat=flat)))
            assert other.targets is not None
            assert other.targets[b, t] == flat[place]
            found += int((made.encode(other)[b, t] != before[b, t]).any())
    return found


@pytest.mark.parametrize(("model", "objective", "attn"), CASES)
def test_a_target_that_changes_moves_nothing_in_its_own_prediction(
    sequences: Sequences, parts: Parts, model: str, objective: str, attn: str
) -> None:
    assert moved(model, objective, attn, sequences, parts) == 0


@pytest.mark.parametrize("attn", ["softmax", "linear", "efficient"])
def test_an_every_position_objective_under_a_bidirectional_mechanism_would_leak(
    sequences: Sequences, parts: Parts, attn: str
) -> None:
    assert moved("bert4rec", "next", attn, sequences, parts) > 0


@pytest.mark.parametrize("model", TRAINED)
@pytest.mark.parametrize("objective", NAMES)
def test_what_does_not_fit_is_refused_at_the_start(
    sequences: Sequences, parts: Parts, model: str, objective: str
) -> None:
    stated, trains = catalog.load("models", model).FORM, catalog.load("objectives", objective)
    settings = Train(model=model, objective=objective, width=8, layers=1)
    if stated in trains.FORMS and getattr(catalog.load("models", model), "MASKED", False) == trains.MASKED:
        assert fit.start(settings, sequences, parts).settings.objective == objective
    else:
        with pytest.raises(UsageError, match="use --objective"):
            fit.start(settings, sequences, parts)


def test_the_usual_objective_of_each_model_is_one_that_fits() -> None:
    for name in TRAINED:
        assert fitting(name, catalog.load("models", name).OBJECTIVE)
