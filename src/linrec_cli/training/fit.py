"""Train a model, one `Epoch` at a time; every draw is a function of seed, epoch and batch, so nothing else is saved."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import LinrecError
from linrec_cli.evaluation.metrics import ndcg, recall
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.models._recommender import Recommender
from linrec_cli.settings import Train
from linrec_cli.training.batches import Batch, mixed, plan
from linrec_cli.training.losses import cross_entropy

READ_EVERY = {"cpu": 1, "cuda": 16, "mps": 16}
"""Batches between two readings of the loss."""


@dataclass
class Epoch:
    """What an epoch was: mean training loss, validation metrics, and how its time was spent.

    Attributes:
        seconds: training alone, without validation.
        targets: next-item targets trained.
        resumed_at: batches at which the epoch was taken up again after an interruption.
        repeated: batches that were trained twice because of that.
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


@dataclass
class State:
    """Everything a run carries from one batch to the next; `model` is a module and a `Recommender`."""

    model: Any
    optimizer: torch.optim.Optimizer
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)
    at: Position = field(default_factory=Position)

    def best_epoch(self) -> Epoch:
        """Find the epoch with the best validation NDCG@10, the first of equals."""
        return max(self.history, key=lambda epoch: epoch.ndcg)

    def done(self, settings: Train) -> bool:
        """Tell whether patience, epochs or minutes are used up."""
        if not self.history:
            return False
        waited = self.history[-1].epoch - self.best_epoch().epoch
        late = bool(settings.max_minutes) and self.at.spent >= 60 * settings.max_minutes
        return waited >= settings.patience or len(self.history) >= settings.epochs or late


def start(settings: Train, items: int) -> State:
    """Make the model and its optimiser; the seed alone decides the weights."""
    torch.manual_seed(mixed(settings.seed, 2**32))
    model = build(settings, items).to(settings.device)
    return State(model, adamw(model, settings.lr, settings.weight_decay))


def build(settings: Train, items: int) -> Any:
    """Build the model of the settings, on the CPU."""
    return catalog.load("models", settings.model).Model(
        items,
        settings.maxlen,
        settings.attn,
        width=settings.width,
        heads=settings.heads,
        layers=settings.layers,
        dropout=settings.dropout,
    )


def adamw(model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Make AdamW, fused; embeddings, norms and biases are not decayed."""
    matrices = {m.weight for m in model.modules() if isinstance(m, nn.Linear)}
    groups = [
        {"params": [p for p in model.parameters() if p in matrices], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p not in matrices], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, fused=True)


def step(model: Recommender, optimizer: torch.optim.Optimizer, batch: Batch, dtype: str = "float32") -> Tensor:
    """Train on one batch, every position at once; return the mean loss, still on the device."""
    low = getattr(torch, dtype) if dtype != "float32" else None
    with torch.autocast(batch.items.device.type, low, enabled=low is not None):
        hidden = model.encode(batch.items, batch.lengths)
        real = batch.targets > 0
        loss = cross_entropy(hidden[real], model.items.weight, batch.targets[real])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def epochs(
    state: State,
    settings: Train,
    sequences: Sequences,
    *,
    report: Callable[[Position, int], None] = lambda position, batches: None,
    save: Callable[[State], None] = lambda state: None,
    every: float = 60.0,
) -> Iterator[Epoch]:
    """Train until validation NDCG@10 has not risen for `patience` epochs; yield each epoch.

    Args:
        sequences: on the device of the settings.
        report: called after each batch with the position and the number of batches in the epoch.
        save: called after each epoch and `every` seconds.

    Raises:
        LinrecError: the loss is no longer finite.
    """
    while not state.done(settings):
        train_epoch(state, settings, sequences, report, save, every)
        begin = time.perf_counter()
        valid, found = validate(state.model, sequences, settings)
        spent = time.perf_counter() - begin
        at = state.at
        state.history.append(
            Epoch(at.epoch, at.loss / at.targets, valid, found, at.seconds, spent, at.targets, at.batch,
                  at.resumed_at, at.repeated)
        )  # fmt: skip
        if state.best_epoch().epoch == at.epoch:
            state.best = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
        state.at = Position(epoch=at.epoch + 1, spent=at.spent + spent)
        save(state)
        yield state.history[-1]


def train_epoch(
    state: State,
    settings: Train,
    sequences: Sequences,
    report: Callable[[Position, int], None],
    save: Callable[[State], None],
    every: float,
) -> None:
    """Train what is left of the epoch the state stands in."""
    batches = plan(sequences, settings.maxlen, settings.tokens, settings.seed, state.at.epoch)
    state.model.train()
    at, pending = state.at, []
    saved = before = time.perf_counter()
    for batch in batches.batches(sequences.flat, at.batch):
        torch.manual_seed(mixed(settings.seed, at.epoch, at.batch))
        pending.append((step(state.model, state.optimizer, batch, settings.dtype), batch.count))
        at.batch += 1
        # A loss is read from the device only now and then, so that a GPU is not made to wait for it.
        if len(pending) < READ_EVERY[settings.device] and at.batch < len(batches):
            continue
        add(at, pending)
        now = time.perf_counter()
        at.seconds, at.spent, before = at.seconds + now - before, at.spent + now - before, now
        report(at, len(batches))
        if now - saved >= every:
            save(state)
            saved = before = time.perf_counter()


def add(at: Position, pending: list[tuple[Tensor, int]]) -> None:
    """Add the losses of some batches to the position, in order, and forget them.

    Raises:
        LinrecError: one is not finite.
    """
    for loss, count in pending:
        value = float(loss)
        if not math.isfinite(value):
            raise LinrecError(f"the loss is {value} in epoch {at.epoch + 1}; lower --lr.")
        at.loss, at.targets = at.loss + value * count, at.targets + count
    pending.clear()


def validate(model: Recommender, sequences: Sequences, settings: Train) -> tuple[float, float]:
    """Rank the validation items in full, seen items removed; return NDCG@10 and Recall@10."""
    found = pl.DataFrame({"rank": ranks(model, sequences, "valid", settings.maxlen).cpu().numpy()})
    value: tuple[float, float] = found.select(ndcg(10).mean().alias("n"), recall(10).mean().alias("r")).row(0)
    return value
