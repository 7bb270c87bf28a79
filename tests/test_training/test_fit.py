"""Training: what is trained, what is looked at to stop, and what is kept."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from linrec_cli import catalog, usage
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import LinrecError, UsageError
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.settings import Train, resolved
from linrec_cli.training import fit, refused
from linrec_cli.training.batches import plan
from linrec_cli.training.state import State
from linrec_cli.usage import Usage

CAUSAL = [name for name in catalog.names("attentions") if "causal" in catalog.load("attentions", name).FORMS]
SMALL = Train(maxlen=20, width=8, heads=2, layers=1, tokens=100, patience=100, epochs=3)


def finished(settings: Train, sequences: Sequences, parts: Parts) -> State:
    state = fit.start(settings, sequences, parts)
    list(fit.epochs(state, sequences, parts))
    return state


def copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in weights.items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one | other)


def test_what_was_used_is_in_each_state_that_is_saved_and_saving_is_no_part_of_it(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = (Usage(0.0, float(n), 2 * n) for n in count())
    monkeypatch.setattr(usage, "read", lambda: next(readings))
    state, kept = fit.start(replace(SMALL, epochs=1), sequences, parts), []

    def save(state: State) -> None:
        kept.append((state.at.cpu_seconds, state.at.aside))
        next(readings)

    (epoch,) = fit.epochs(state, sequences, parts, save=save, every=0.0)
    # After each batch, then after the epoch, when the next one's begin.
    assert kept == [(n + 1.0, 2 * n + 2) for n in range(epoch.batches)] + [(0.0, 0)]
    assert (epoch.cpu_seconds, epoch.aside) == (epoch.batches + 1, 2 * epoch.batches + 2)


def test_saving_that_breaks_off_counts_nothing_twice(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = (Usage(0.0, float(n), 2 * n) for n in count())
    monkeypatch.setattr(usage, "read", lambda: next(readings))
    state = fit.start(replace(SMALL, epochs=1), sequences, parts)

    def save(state: State) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(fit.epochs(state, sequences, parts, save=save, every=0.0))
    # One until it is saved, and one while it is.
    assert (state.at.cpu_seconds, state.at.aside) == (2.0, 4)


def scripted(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Let validation give these values, one an epoch."""
    left = iter(values)
    monkeypatch.setattr(fit, "validate", lambda *given: (next(left), 0.0))


def test_the_seed_decides_the_weights_that_a_run_begins_with(sequences: Sequences, parts: Parts) -> None:
    one, again, other = (fit.start(replace(SMALL, seed=n), sequences, parts).model.state_dict() for n in (3, 3, 4))
    assert same(one, again)
    drawn = [name for name, value in one.items() if value.std() > 0]
    assert drawn
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_the_seed_decides_what_each_batch_drops_and_draws(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[int, list[int]] = {3: [], 4: []}
    for number, seeds in given.items():
        state = fit.start(replace(SMALL, seed=number, epochs=1), sequences, parts)
        monkeypatch.setattr(fit, "seed", lambda device, seed, seeds=seeds: seeds.append(seed))
        (epoch,) = fit.epochs(state, sequences, parts)
        assert len(seeds) == epoch.batches
    assert not {*given[3]} & {*given[4]}


@pytest.mark.parametrize("seen", ["remove", "rank"])
def test_validation_ranks_what_was_seen_as_the_test_will(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    asked = []

    def told(*given: object, seen: str) -> Tensor:
        asked.append(seen)
        return ranks(*given, seen=seen)  # type: ignore[arg-type]

    monkeypatch.setattr(fit, "ranks", told)
    finished(replace(SMALL, epochs=1, seen_items=seen), sequences, parts)
    assert asked == [seen]


def test_the_seed_decides_the_run(sequences: Sequences, parts: Parts) -> None:
    a, b, c = (finished(replace(SMALL, seed=seed, epochs=1), sequences, parts) for seed in (0, 0, 1))
    assert same(a.best, b.best)
    assert not same(a.best, c.best)


@pytest.mark.parametrize("attn", CAUSAL)
def test_training_learns_the_ring(sequences: Sequences, parts: Parts, attn: str) -> None:
    settings = Train(attn=attn, maxlen=20, width=16, heads=2, layers=1, tokens=200, lr=1e-2, dropout=0.0, epochs=8)
    history = finished(settings, sequences, parts).history
    # The next item is one of two: no loss can be below log 2.
    assert 0.69 < history[-1].loss < 1.0 < history[0].loss
    assert max(epoch.ndcg for epoch in history) > 0.75


def first_two(state: State, sequences: Sequences, parts: Parts) -> float:
    """Give the share of golds among the first two of all items: each step along the ring is one or two on."""
    found = ranks(state.model, sequences, parts.test, state.settings.maxlen, seen="rank")
    return float((found <= 2).double().mean())


RING = replace(SMALL, width=16, tokens=400, lr=1e-2, dropout=0.0, epochs=60)
CLOZE = {"model": "bert4rec", "attn": "softmax", "objective": "cloze:last=0.5", "maxlen": 8, "width": 32, "lr": 3e-3}


@pytest.mark.parametrize(
    "change",
    [
        CLOZE | {"tokens": 200},
        {"objective": "last"},
        {"loss": "sampled:negatives=20"},
        {"loss": "gbce:negatives=8"},
        {"loss": "bce:negatives=4"},
    ],
)
def test_every_model_objective_and_loss_learns_the_ring(
    sequences: Sequences, parts: Parts, change: dict[str, object]
) -> None:
    state = fit.start(replace(RING, **change), sequences, parts)
    assert first_two(state, sequences, parts) < 0.3
    for _ in fit.epochs(state, sequences, parts):
        if first_two(state, sequences, parts) > 0.6:
            return
    pytest.fail("it has not learnt which items come next")


def test_markov_knows_the_ring_at_once_and_popularity_never(sequences: Sequences, parts: Parts) -> None:
    state = finished(Train(model="markov"), sequences, parts)
    (epoch,) = state.history
    assert first_two(state, sequences, parts) > 0.8
    assert epoch.loss != epoch.loss
    assert epoch.targets == int((parts.train - sequences.offsets[:-1]).sum())
    assert same(state.best, state.model.state_dict())
    assert first_two(finished(Train(model="popular"), sequences, parts), sequences, parts) < 0.3


# What is looked at


def test_choices_look_at_the_validation_items_and_never_at_the_test_items(sequences: Sequences, parts: Parts) -> None:
    flat = sequences.flat.clone()
    flat[parts.test.place] = 31 - flat[parts.test.place]
    one, other = (finished(SMALL, replace(sequences, flat=some), parts) for some in (sequences.flat, flat))
    assert [epoch.ndcg for epoch in one.history] == [epoch.ndcg for epoch in other.history]
    assert same(one.best, other.best)


def test_nothing_is_trained_on_the_validation_items(sequences: Sequences, parts: Parts) -> None:
    flat = sequences.flat.clone()
    flat[parts.valid.place] = 31 - flat[parts.valid.place]
    for objective in ({}, {"model": "bert4rec"}, {"objective": "last"}):
        settings = replace(SMALL, epochs=1, tokens=1000, **objective)
        one, other = (finished(settings, replace(sequences, flat=some), parts) for some in (sequences.flat, flat))
        assert same(one.model.state_dict(), other.model.state_dict())


def test_validation_is_ndcg_and_recall_at_ten_of_the_validation_items(sequences: Sequences, parts: Parts) -> None:
    state = finished(replace(SMALL, epochs=2), sequences, parts)
    # On the ring golds repeat, so that what was seen is ranked too.
    found = ranks(state.model, sequences, parts.valid, 20, seen="rank")
    gain = torch.where(found <= 10, 1 / (1 + found).log2(), 0.0)
    assert state.history[-1].ndcg == pytest.approx(float(gain.mean()))
    assert state.history[-1].recall == pytest.approx(float((found <= 10).double().mean()))


def test_an_eleventh_place_is_no_hit_of_a_validation(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = torch.tensor([10.0, 11.0]).repeat(len(parts.valid))[: len(parts.valid)].double()
    monkeypatch.setattr(fit, "ranks", lambda *_, **__: places)
    state = fit.start(SMALL, sequences, parts)
    share = float((places == 10).double().mean())
    assert fit.validate(state, sequences, parts) == pytest.approx((share / math.log2(11), share))


def test_the_weights_of_the_best_epoch_are_kept_and_not_those_of_the_last(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [0.1, 0.5, 0.5, 0.2])
    state, weights = fit.start(replace(SMALL, epochs=4), sequences, parts), []
    for _ in fit.epochs(state, sequences, parts):
        weights.append(copied(state.model.state_dict()))
    assert state.best_epoch().epoch == 1
    assert same(state.best, weights[1])
    assert not same(weights[1], weights[3])


@pytest.mark.parametrize(
    ("values", "patience", "epochs", "expected"),
    [
        ([0.3, 0.2, 0.1, 0.3, 0.9], 3, 50, 4),
        ([0.1, 0.2, 0.3, 0.2, 0.2, 0.9], 2, 50, 5),
        ([0.1, 0.2, 0.3, 0.4], 2, 3, 3),
    ],
)
def test_training_stops_by_patience_from_the_best_epoch_or_by_epochs(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch,
    values: list[float], patience: int, epochs: int, expected: int,
) -> None:  # fmt: skip
    scripted(monkeypatch, values)
    assert len(finished(replace(SMALL, patience=patience, epochs=epochs), sequences, parts).history) == expected


def test_training_stops_by_minutes_of_training_and_validation(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def validated(*given: object) -> tuple[float, float]:
        now[0] += 50.0
        return now[0], 0.0

    monkeypatch.setattr(fit, "validate", validated)
    monkeypatch.setattr(fit.time, "perf_counter", lambda: now[0])
    state = finished(replace(SMALL, max_minutes=2.0, epochs=50), sequences, parts)
    assert len(state.history) == 3
    assert state.at.spent == 150.0


# What is trained


def test_an_epochs_loss_is_the_mean_over_all_its_targets(sequences: Sequences, parts: Parts) -> None:
    settings = replace(SMALL, lr=0.0, dropout=0.0, epochs=1, weight_decay=0.0)
    state = finished(settings, sequences, parts)
    total, count = 0.0, 0
    with torch.no_grad():
        for batch in plan(sequences, parts, "next", 20, 100, 0, 0).batches(sequences):
            assert batch.targets is not None
            real = batch.targets > 0
            scores = state.model.encode(batch)[real] @ state.model.table()[1:].T
            total += float(cross_entropy(scores, batch.targets[real] - 1, reduction="sum"))
            count += batch.count
    assert state.history[0].loss == pytest.approx(total / count, rel=1e-5)
    assert state.history[0].targets == count
    assert state.history[0].batches == len(plan(sequences, parts, "next", 20, 100, 0, 0))


def test_only_weight_matrices_decay(sequences: Sequences, parts: Parts) -> None:
    state = fit.start(replace(SMALL, lr=0.5, weight_decay=0.2), sequences, parts)
    assert state.optimizer
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter += 1.0
            parameter.grad = torch.zeros_like(parameter)
    before = copied(dict(state.model.named_parameters()))
    state.optimizer.step()
    matrices = {f"{name}.weight" for name, one in state.model.named_modules() if isinstance(one, torch.nn.Linear)}
    for name, after in state.model.named_parameters():
        torch.testing.assert_close(after.detach(), before[name].detach() * (0.9 if name in matrices else 1.0))
    assert matrices


def test_the_first_step_of_adam_is_as_long_as_the_learning_rate(sequences: Sequences, parts: Parts) -> None:
    for lr in (1e-3, 1e-2):
        state = fit.start(replace(SMALL, lr=lr, weight_decay=0.0), sequences, parts)
        before = state.model.norm.bias.detach().clone()
        fit.step(state, next(plan(sequences, parts, "next", 20, 100, 0, 0).batches(sequences)))
        torch.testing.assert_close(
            (state.model.norm.bias.detach() - before).abs(), torch.full((8,), lr), rtol=1e-3, atol=0
        )


def test_gradients_are_those_of_the_batch_alone(sequences: Sequences, parts: Parts) -> None:
    state = fit.start(replace(SMALL, lr=0.0, dropout=0.0), sequences, parts)
    batch, other = [*plan(sequences, parts, "next", 20, 100, 0, 0).batches(sequences)][:2]
    fit.step(state, batch)
    first = state.model.items.weight.grad.clone()
    fit.step(state, other)
    fit.step(state, batch)
    torch.testing.assert_close(state.model.items.weight.grad, first)


@pytest.mark.parametrize("change", [{}, {"objective": "last"}, CLOZE])
def test_where_targets_stand_is_told_by_the_batch_or_looked_up_bit_for_bit_alike(
    sequences: Sequences, parts: Parts, change: dict[str, object]
) -> None:
    settings = resolved(replace(SMALL, **change))
    batch = next(plan(sequences, parts, settings.objective, settings.maxlen, 100, 0, 0).batches(sequences))
    assert batch.places is not None
    states = [fit.start(settings, sequences, parts) for _ in range(3)]
    losses = []
    for state, places in zip(states, (batch.places, None, batch.places[1:]), strict=True):
        fit.seed("cpu", 7)
        losses.append(float(fit.step(state, replace(batch, places=places))))
    told, found, wrong = (state.model.state_dict() for state in states)
    assert losses[0] == losses[1] != losses[2]
    assert same(told, found)
    assert not same(told, wrong)


@pytest.mark.parametrize(("dtype", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_step_computes_in_the_dtype_that_was_asked_for(
    sequences: Sequences, parts: Parts, dtype: str, expected: torch.dtype
) -> None:
    state, seen = fit.start(replace(SMALL, dtype=dtype), sequences, parts), []
    whole: Callable[..., Tensor] = state.loss

    def spied(hidden: Tensor, *given: object) -> Tensor:
        seen.append(hidden.dtype)
        return whole(hidden, *given)

    products = []
    hook = state.model.blocks[0].inward.register_forward_hook(lambda *given: products.append(given[2].dtype))
    state.loss = spied
    fit.step(state, next(plan(sequences, parts, "next", 20, 100, 0, 0).batches(sequences)))
    hook.remove()
    # The last norm gives float32 again, as autocast has it.
    assert products == [expected]
    assert seen == [torch.float32]
    assert state.model.items.weight.dtype == torch.float32


def test_dropout_is_on_in_training_and_differs_from_batch_to_batch(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    modes: list[bool] = []
    seed, step = fit.seed, fit.step
    monkeypatch.setattr(fit, "seed", lambda device, number: seeds.append(number) or seed(device, number))
    monkeypatch.setattr(fit, "step", lambda state, batch: modes.append(state.model.training) or step(state, batch))
    list(fit.epochs(fit.start(replace(SMALL, epochs=2), sequences, parts), sequences, parts))
    assert all(modes)
    # One for the weights, then one a batch.
    assert len(seeds) == 1 + len(modes) == len({*seeds})


@pytest.mark.parametrize("weight", [torch.nan, torch.inf])
def test_a_loss_that_is_not_finite_stops_the_run(sequences: Sequences, parts: Parts, weight: float) -> None:
    state = fit.start(SMALL, sequences, parts)
    state.model.items.weight.data[3] = weight
    with pytest.raises(LinrecError, match="lower --lr"):
        list(fit.epochs(state, sequences, parts))


# What fits together


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "popular", "objective": "next"}, "takes no --objective"),
        ({"model": "popular", "attn": "linear"}, "takes no --attn"),
        ({"model": "bert4rec", "objective": "next"}, "would see its own target; use --objective cloze"),
        ({"model": "bert4rec", "objective": "last"}, "hides none to train it with; use --objective cloze"),
        ({"objective": "cloze"}, "sasrec does not read what follows a hidden item; use --objective next"),
        ({"model": "linrec", "objective": "cloze"}, "linrec knows no hidden item; use --objective last"),
        ({"model": "popular", "lr": 0.1}, "counted, not trained: it takes no --lr; leave it out"),
        ({"model": "markov", "loss": "bce"}, "takes no --loss"),
        ({"model": "markov", "weight_decay": 0.0}, "takes no --weight-decay"),
        ({"model": "markov", "ema": 0.9}, "takes no --ema"),
        ({"attn": "efficient"}, "has no causal form"),
        ({"loss": "sampled:negative=3"}, "did you mean 'negatives'"),
        ({"loss": "bpr"}, "no loss 'bpr'"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_trained(
    sequences: Sequences, parts: Parts, change: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fit.start(replace(SMALL, **change), sequences, parts)


def test_a_model_that_is_counted_has_no_step(sequences: Sequences, parts: Parts) -> None:
    state = fit.start(Train(model="markov"), sequences, parts)
    with pytest.raises(UsageError, match="has no step"):
        fit.step(state, next(plan(sequences, parts, "next", 20, 100, 0, 0).batches(sequences)))


def test_negatives_come_from_the_training_part(sequences: Sequences, parts: Parts) -> None:
    counts = torch.zeros(30, dtype=torch.long)
    for begin, end in zip(sequences.offsets[:-1], parts.train, strict=True):
        for item in sequences.flat[begin:end]:
            counts[item - 1] += 1
    assert torch.equal(fit.start(SMALL, sequences, parts).draw.counts, counts)


def test_losses_are_read_in_order_whether_one_by_one_or_many_at_once(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reports(every: int) -> Iterator[tuple[int, int, float]]:
        monkeypatch.setitem(fit.READ_EVERY, "cpu", every)
        found: list[tuple[int, int, float]] = []
        state = fit.start(replace(SMALL, epochs=1), sequences, parts)
        list(fit.epochs(state, sequences, parts, report=lambda at, n: found.append((at.batch, at.targets, at.loss))))
        return iter(found)

    one, many = list(reports(1)), list(reports(4))
    assert [batch for batch, *_ in one] == list(range(1, len(one) + 1))
    assert many == [one[place - 1] for place in [*range(4, len(one), 4), len(one)]]


def test_a_seed_decides_what_torch_draws() -> None:
    drawn = []
    for number in (3, 4, 3):
        fit.seed("cpu", number)
        drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


def test_a_single_position_has_no_others_to_tell_what_is_hidden() -> None:
    with pytest.raises(UsageError, match="--maxlen 1 has none; give 2 or more"):
        refused.check(resolved(Train(model="bert4rec", maxlen=1)))
    refused.check(resolved(Train(model="bert4rec", maxlen=2)))
    refused.check(resolved(Train(maxlen=1)))


def test_batches_are_drawn_anew_for_each_seed_and_epoch(
    sequences: Sequences, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(fit, "plan", lambda *given: asked.append(given[-2:]) or plan(*given))
    finished(replace(SMALL, seed=3, epochs=2), sequences, parts)
    assert asked == [(3, 0), (3, 1)]
