"""What a run will cost, from a few of its own batches."""

import time
from dataclasses import dataclass

from torch import nn

from linrec_cli.data.sequences import Sequences
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.batches import plan


@dataclass(frozen=True)
class Estimate:
    """Parameters, batches and targets an epoch, and seconds an epoch extrapolated from `measured` batches."""

    parameters: int
    batches: int
    targets: int
    seconds: float
    measured: int


def estimate(settings: Train, sequences: Sequences, batches: int = 3) -> Estimate:
    """Train on the longest batches of the first epoch, after one to warm up, and scale by targets."""
    state = fit.start(settings, sequences.count)
    whole = plan(sequences, settings.maxlen, settings.tokens, settings.seed, 0)
    longest = sorted(whole.rows, key=lambda rows: -int(whole.length[rows].max()))[: batches + 1]
    some = type(whole)(whole.start, whole.length, longest)
    state.model.train()
    trained, begin = 0, time.perf_counter()
    for number, batch in enumerate(some.batches(sequences.flat)):
        float(fit.step(state.model, state.optimizer, batch, settings.dtype))
        if number == 0 and len(some) > 1:
            begin = time.perf_counter()
            continue
        trained += batch.count
    seconds = time.perf_counter() - begin
    targets = int(whole.length.sum())
    return Estimate(parameters(state.model), len(whole), targets, seconds * targets / trained, len(some))


def parameters(model: nn.Module) -> int:
    """Count the trained numbers of a model."""
    return sum(p.numel() for p in model.parameters())
