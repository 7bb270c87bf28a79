"""What a run carries from one batch to the next: its epochs, where it stands, its model and optimiser."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from linrec_cli.losses._draw import Draw
from linrec_cli.settings import Train
from linrec_cli.training.captured import Captured
from linrec_cli.usage import Usage


@dataclass
class Epoch:
    """What an epoch was: mean training loss, validation metrics, and how its time was spent.

    Attributes:
        loss: not a number where a model is counted and not trained.
        seconds: training alone, without validation.
        targets: predictions trained, or events counted.
        cpu_seconds: of training, all threads together.
        aside: how often the process was put aside in training while it had work to do.
        resumed_at: batches at which the epoch was taken up again after an interruption.
        repeated: batches that were trained twice because of that.
        processes: how many trained it together; several where it was taken up by others.
    """

    epoch: int
    loss: float
    ndcg: float
    recall: float
    seconds: float
    validation_seconds: float
    targets: int
    batches: int
    resumed_at: list[int] = field(default_factory=list)
    repeated: int = 0
    cpu_seconds: float = math.nan
    aside: int = 0
    processes: list[int] = field(default_factory=list)


@dataclass
class Position:
    """Where a run stands: batches done in the current epoch, their summed loss, targets and seconds so far."""

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    targets: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    resumed_at: list[int] = field(default_factory=list)
    repeated: int = 0
    cpu_seconds: float = 0.0
    aside: int = 0
    processes: list[int] = field(default_factory=list)

    def took(self, seconds: float) -> None:
        """Add the seconds of some batches."""
        self.seconds, self.spent = self.seconds + seconds, self.spent + seconds

    def used(self, span: Usage) -> None:
        """Add what some batches took of the machine, beside seconds."""
        self.cpu_seconds, self.aside = self.cpu_seconds + span.cpu, self.aside + span.aside


@dataclass
class State:
    """Everything a run carries from one batch to the next.

    Attributes:
        model: a module and a `Recommender`.
        optimizer: None where the model is counted and not trained.
        loss: of `hidden [N, C]`, table, golds and draw.
        draw: of negatives.
        captured: trains by graphs, where they were asked for.
        average: of the weights of all steps, where one is kept.
    """

    settings: Train
    model: Any
    optimizer: torch.optim.Optimizer | None
    loss: Callable[..., Tensor]
    draw: Draw
    captured: Captured | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)
    at: Position = field(default_factory=Position)

    def steps(self) -> int:
        """Count the steps that are done."""
        return sum(epoch.batches for epoch in self.history) + self.at.batch

    def best_epoch(self) -> Epoch:
        """Find the epoch with the best validation NDCG@10, the first of equals."""
        return max(self.history, key=lambda epoch: epoch.ndcg)

    def done(self) -> bool:
        """Tell whether patience, epochs or minutes are used up; what is counted is done once."""
        settings = self.settings
        if not self.history or self.optimizer is None:
            return bool(self.history)
        waited = self.history[-1].epoch - self.best_epoch().epoch
        late = bool(settings.max_minutes) and self.at.spent >= 60 * settings.max_minutes
        return waited >= settings.patience or len(self.history) >= settings.epochs or late
