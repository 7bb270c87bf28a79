"""Train a model, one `Epoch` at a time; every draw is a function of seed, epoch and batch, so nothing else is saved."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from linrec_cli import catalog, processes, usage
from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import LinrecError, UsageError
from linrec_cli.evaluation.ranks import by_target, ranks
from linrec_cli.evaluation.repeats import rule
from linrec_cli.evaluation.summary import summary
from linrec_cli.losses._draw import Draw
from linrec_cli.models._counts import popularity
from linrec_cli.models._recommender import Facts, facts
from linrec_cli.settings import Train, resolved
from linrec_cli.training import enough, optimiser, refused, shares
from linrec_cli.training.batches import plan
from linrec_cli.training.captured import Captured
from linrec_cli.training.seeds import mixed, seed
from linrec_cli.training.state import Epoch, Position, State

READ_EVERY = {"cpu": 1, "cuda": 16, "mps": 16}
"""Batches between two readings of the loss, for each of which a GPU is waited for."""


def start(settings: Train, sequences: Sequences, parts: Parts) -> State:
    """Make the model and its optimiser; the seed alone decides the weights.

    Raises:
        UsageError: model, mechanism, objective and loss do not fit together.
        DataError: there is nothing to train on.
    """
    settings = resolved(settings)
    settings = replace(settings, seen_items=rule(settings.seen_items, sequences, parts))
    refused.check(settings)
    enough.check(sequences, parts, counted=catalog.load("models", catalog.parse(settings.model)[0]).FORM is None)
    seed(settings.device, mixed(settings.seed, 2**32))
    model = build(settings, facts(sequences)).to(settings.device)
    trained = any(parameter.requires_grad for parameter in model.parameters())
    optimizer = optimiser.adamw(model, settings) if trained else None
    loss = catalog.bound("losses", settings.loss, "loss")
    draw = Draw(popularity(sequences, parts).to(settings.device))
    captured = Captured(settings.device) if trained and settings.graphs else None
    return State(settings, model, optimizer, loss, draw, captured)


def build(settings: Train, facts: Facts) -> Any:
    """Build the model of resolved settings, on the CPU."""
    return catalog.bound("models", settings.model, "Model")(
        facts,
        settings.maxlen,
        settings.attn,
        width=settings.width,
        heads=settings.heads,
        layers=settings.layers,
        dropout=settings.dropout,
    )


def step(state: State, batch: Batch) -> Tensor:
    """Train on one batch, all its targets at once; return the mean loss, still on the device.

    Of several processes each is given the whole batch, and takes its share.

    Raises:
        UsageError: the model is counted, not trained.
    """
    if state.optimizer is None or batch.targets is None:
        raise UsageError(f"model {state.settings.model} is counted, not trained: it has no step.")
    work = partial(learned, state)
    loss = state.captured.step(work, batch) if state.captured else work(batch)
    optimiser.averaged(state)
    return loss


def learned(state: State, batch: Batch) -> Tensor:
    """Alter the weights by the gradient of one batch; return the mean loss, still on the device."""
    loss = shares.lost(state, batch)
    assert state.optimizer is not None
    state.optimizer.zero_grad()
    loss.backward()
    loss = shares.added(state.model, loss)
    if state.settings.clip:
        nn.utils.clip_grad_norm_(state.model.parameters(), state.settings.clip)
    state.optimizer.step()
    return loss


def epochs(
    state: State,
    sequences: Sequences,
    parts: Parts,
    *,
    report: Callable[[Position, int], None] = lambda position, batches: None,
    save: Callable[[State], None] = lambda state: None,
    ended: Callable[[str], None] = lambda part: None,
    free: Callable[[], AbstractContextManager[None]] = nullcontext,
    every: float = 60.0,
) -> Iterator[Epoch]:
    """Train until validation NDCG@10 has not risen for `patience` epochs; yield each epoch.

    Args:
        sequences: on the device of the settings, as `parts`.
        report: called after each batch with the position and the number of batches in the epoch.
        save: called after each epoch and `every` seconds.
        ended: called with `train`, then `valid`, where that part of an epoch ends; what it takes is not timed.
        free: holds while the validation items are ranked, which may be broken off and begun again.

    Raises:
        LinrecError: the loss is no longer finite.
    """
    while not state.done():
        if state.optimizer is None:
            count(state, sequences, parts)
        else:
            train_epoch(state, sequences, parts, report, save, every)
        ended("train")
        begin, at = time.perf_counter(), state.at
        with optimiser.average(state):
            valid, found = validate(state, sequences, parts, free)
            spent = time.perf_counter() - begin
            ended("valid")
            state.history.append(done(at, valid, found, spent))
            if state.best_epoch().epoch == at.epoch:
                state.best = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
        state.at = Position(epoch=at.epoch + 1, spent=processes.alike(at.spent + spent)[0])
        save(state)
        yield state.history[-1]


def done(at: Position, ndcg: float, recall: float, spent: float) -> Epoch:
    """Say what an epoch was that is trained and validated."""
    loss, own = at.loss / at.targets, (at.resumed_at, at.repeated, at.cpu_seconds, at.aside, at.processes)
    return Epoch(at.epoch, loss, ndcg, recall, at.seconds, spent, at.targets, at.batch, *own)


def count(state: State, sequences: Sequences, parts: Parts) -> None:
    """Make a model that is counted: one epoch that has no loss."""
    begin = usage.read()
    state.model.count(sequences, parts)
    state.at = Position(loss=math.nan, targets=int((parts.train - sequences.offsets[:-1]).sum()))
    span = usage.read().since(begin)
    state.at.took(span.wall)
    state.at.used(span)


def train_epoch(
    state: State,
    sequences: Sequences,
    parts: Parts,
    report: Callable[[Position, int], None],
    save: Callable[[State], None],
    every: float,
) -> None:
    """Train what is left of the epoch the state stands in."""
    settings, at = state.settings, state.at
    batches = plan(sequences, parts, settings.objective, settings.maxlen, settings.tokens, settings.seed, at.epoch)
    state.model.train()
    pending: list[tuple[Tensor, int]] = []
    # What was used is read seldom: it costs more than a small batch.
    begin = usage.read()
    saved = before = begin.wall
    try:
        for batch in batches.batches(sequences, at.batch):
            seed(settings.device, mixed(settings.seed, at.epoch, at.batch))
            optimiser.scheduled(state, len(batches))
            pending.append((step(state, batch), batch.count))
            at.batch += 1
            if len(pending) < READ_EVERY[settings.device] and at.batch < len(batches):
                continue
            before = settled(at, pending, before)
            report(at, len(batches))
            if before - saved >= every:
                # Begun anew before it is saved: what breaks off there counts nothing twice.
                at.used((now := usage.read()).since(begin))
                begin = now
                save(state)
                begin = usage.read()
                saved = before = begin.wall
    except (KeyboardInterrupt, SystemExit):
        # Who saves the state then saves what its last batches lost and took.
        settled(at, pending, before)
        raise
    finally:
        at.used(usage.read().since(begin))


def settled(at: Position, pending: list[tuple[Tensor, int]], before: float) -> float:
    """Add what some batches lost, and the seconds since `before`, to the position; return what time it is."""
    add(at, pending)
    at.processes = sorted({*at.processes, processes.count()})
    now = time.perf_counter()
    at.took(now - before)
    return now


def add(at: Position, pending: list[tuple[Tensor, int]]) -> None:
    """Add the losses of some batches to the position, in order, and forget them.

    Raises:
        LinrecError: one is not finite.
    """
    for loss, targets in pending:
        value = float(loss)
        if not math.isfinite(value):
            raise LinrecError(f"the loss is {value} in epoch {at.epoch + 1}; lower --lr.")
        at.loss, at.targets = at.loss + value * targets, at.targets + targets
    pending.clear()


def validate(state: State, sequences: Sequences, parts: Parts, free: Any = nullcontext) -> tuple[float, float]:
    """Rank the validation items in full, as the test items will be; return NDCG@10 and Recall@10."""
    with free():
        found = ranks(state.model, sequences, parts.valid, state.settings.maxlen, seen=state.settings.seen_items)
    values = dict(summary(by_target(sequences, parts.valid, found), [10]).select("metric", "value").iter_rows())
    # By them it is decided when to stop, and which epoch is the best.
    ndcg, recall = processes.alike(values["ndcg"], values["recall"])
    return ndcg, recall
