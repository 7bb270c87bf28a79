"""What happens while runs are made, one thing an event: rooms tell it, the command line words it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Begun:
    """A run of a sweep of several begins."""

    run: str
    number: int
    of: int


@dataclass(frozen=True)
class Skipped:
    """A run is done already: by which commit, and which one this is."""

    run: str
    made: str
    now: str


@dataclass(frozen=True)
class Anew:
    """A run starts from the beginning: nothing of it is there to go on from."""

    run: str


@dataclass(frozen=True)
class TakenUp:
    """A run goes on in an epoch at a batch, both counted from 1."""

    run: str
    epoch: int
    batch: int


@dataclass(frozen=True)
class Batch:
    """A batch was trained: `batch` of `batches` of an epoch counted from 1, the epoch's mean loss so far.

    Attributes:
        best: validation NDCG@10 of the best epoch so far; None before the first.
    """

    run: str
    attention: str
    epoch: int
    batch: int
    batches: int
    loss: float
    best: float | None


@dataclass(frozen=True)
class Epoch:
    """An epoch ended, counted from 1: its mean loss, validation NDCG@10 and seconds of training.

    Attributes:
        waited: epochs since the best one; 0 where it is the best so far.
        patience: how many are waited for.
    """

    run: str
    epoch: int
    loss: float
    ndcg: float
    seconds: float
    waited: int
    patience: int


@dataclass(frozen=True)
class Crowded:
    """Others used the cores in an epoch, counted from 1, for the first time.

    Attributes:
        cpu: seconds of them that it had a second.
        aside: times a second that it was put aside.
    """

    run: str
    epoch: int
    threads: int
    cpu: float
    aside: float


@dataclass(frozen=True)
class Halved:
    """A run is tried in place of one whose memory ran out, with half of its positions a batch."""

    run: str
    tokens: int


@dataclass(frozen=True)
class Stopped:
    """A run was interrupted and saved, in an epoch counted from 1."""

    run: str
    epoch: int


@dataclass(frozen=True)
class Elsewhere:
    """A run of a sweep is being trained by another process, which is named where that is known."""

    run: str
    holder: str


@dataclass(frozen=True)
class Failed:
    """A run gave no number: its row's status and note."""

    run: str
    status: str
    note: str


@dataclass(frozen=True)
class Drawn:
    """Negatives were drawn, once for all models, and kept."""

    path: Path


@dataclass(frozen=True)
class CutShort:
    """A profile was cut short: of its parts so many stand, the rest is measured now."""

    run: str
    stand: int
    of: int


Event = (
    Begun
    | Skipped
    | Anew
    | TakenUp
    | Batch
    | Epoch
    | Crowded
    | Halved
    | Stopped
    | Elsewhere
    | Failed
    | Drawn
    | CutShort
)
Watch = Callable[[Event], Any]
"""Who hears of it."""


def unheard(event: Event) -> None:
    """Let it pass."""
