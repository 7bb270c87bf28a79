"""What a run will cost, from a few of its own batches."""

import time
from dataclasses import dataclass, replace

from torch import nn

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.batches import Plan, plan
from linrec_cli.training.state import State


@dataclass(frozen=True)
class Estimate:
    """Parameters, batches and targets an epoch, and seconds an epoch extrapolated from `measured` batches."""

    parameters: int
    batches: int
    targets: int
    seconds: float
    measured: int


def estimate(settings: Train, sequences: Sequences, parts: Parts, batches: int = 3) -> Estimate:
    """Train on the longest batches of the first epoch, after one to warm up, and scale to the whole.

    A model that is counted is counted once.
    """
    state = fit.start(settings, sequences, parts)
    if state.optimizer is None:
        fit.count(state, sequences, parts)
        return Estimate(0, 0, state.at.targets, state.at.seconds, 0)
    settings = state.settings
    whole = plan(sequences, parts, settings.objective, settings.maxlen, settings.tokens, settings.seed, 0)
    return extrapolated(state, whole, sequences, batches)


def extrapolated(state: State, whole: Plan, sequences: Sequences, batches: int) -> Estimate:
    """Time some batches of an epoch, and scale by positions."""
    longest = sorted(whole.rows, key=lambda rows: -int(whole.length[rows].max()))[: batches + 1]
    some = replace(whole, rows=longest)
    state.model.train()
    timed: list[Batch] = []
    begin = time.perf_counter()
    for number, batch in enumerate(some.batches(sequences)):
        float(fit.step(state, batch))
        if number == 0 and len(some) > 1:
            begin = time.perf_counter()
            continue
        timed.append(batch)
    seconds, positions = time.perf_counter() - begin, sum(int(batch.lengths.sum()) for batch in timed)
    more = int(whole.length.sum()) / positions
    return Estimate(parameters(state.model), len(whole), targets(whole, timed, sequences), seconds * more, len(timed))


def targets(whole: Plan, some: list[Batch], sequences: Sequences) -> int:
    """Count the targets of an epoch; where it is one a window or a position, by that alone."""
    counted = sum(batch.count for batch in some)
    if counted == sum(len(batch.lengths) for batch in some):
        return len(whole.length)
    if counted == sum(int(batch.lengths.sum()) for batch in some):
        return int(whole.length.sum())
    return sum(batch.count for batch in whole.batches(sequences))


def parameters(model: nn.Module) -> int:
    """Count the trained numbers of a model."""
    return sum(p.numel() for p in model.parameters())
