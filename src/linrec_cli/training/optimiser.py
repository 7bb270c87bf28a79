"""How weights are altered: AdamW, its learning rate from step to step, and an average of what the weights were."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from linrec_cli.settings import Train
from linrec_cli.training.state import State


def adamw(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    """Make AdamW, fused; of what is learned the weights of linear layers alone are decayed.

    A graph reads the learning rate where it stood on the device as it was captured.
    """
    matrices = {m.weight for m in model.modules() if isinstance(m, nn.Linear)}
    groups = [
        {"params": [p for p in model.parameters() if p in matrices], "weight_decay": settings.weight_decay},
        {"params": [p for p in model.parameters() if p not in matrices], "weight_decay": 0.0},
    ]
    groups, graphs = [g for g in groups if g["params"]], settings.graphs
    made = torch.optim.AdamW(groups, lr=settings.lr, fused=True, capturable=graphs)
    for group in made.param_groups if graphs else ():
        # Later, as torch would wait for it to see that it is a rate.
        group["lr"] = torch.tensor(settings.lr, device=settings.device)
    return made


def rate(settings: Train, step: int, done: float) -> float:
    """Give the learning rate of a step.

    Args:
        step: steps before it.
        done: share of the epochs asked for that is behind it, in `[0, 1]`.
    """
    risen = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    left = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[settings.schedule]
    return settings.lr * risen * left


def scheduled(state: State, batches: int) -> None:
    """Give the optimiser the learning rate of the step that comes, in an epoch of so many batches."""
    if state.optimizer is None or (not state.settings.warmup and state.settings.schedule == "constant"):
        return
    done = (state.at.epoch + state.at.batch / batches) / state.settings.epochs
    lr = rate(state.settings, state.steps(), done)
    for group in state.optimizer.param_groups:
        group["lr"] = group["lr"].fill_(lr) if state.settings.graphs else lr


def averaged(state: State) -> None:
    """Move the average towards the weights after a step: faster at first, so that what they began as is forgotten.

    The average keeps `min(ema, (1 + n) / (10 + n))` of itself after `n` steps.
    """
    if not state.settings.ema:
        return
    weights = {name: parameter.detach() for name, parameter in state.model.named_parameters()}
    if not state.average:
        state.average = {name: weight.clone() for name, weight in weights.items()}
    steps = state.steps()
    kept = min(state.settings.ema, (1 + steps) / (10 + steps))
    torch._foreach_lerp_([state.average[name] for name in weights], list(weights.values()), 1 - kept)


@contextmanager
def average(state: State) -> Iterator[None]:
    """Let the model have the average of its weights meanwhile, where one is kept."""
    weights = {name: parameter.data for name, parameter in state.model.named_parameters()}
    try:
        place(state.model, state.average)
        yield
    finally:
        place(state.model, weights)


def place(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights in the place of a model's own, by name; those that are not given stay."""
    for name, parameter in model.named_parameters():
        parameter.data = weights.get(name, parameter.data)
