"""Made histories in which the next item hangs on one event, `lag` events back, and the best score is known.

Items are cues A, answers B (as many; f pairs each cue with one) and noise C. A history is `lag` distinct
cues, then m slots, m drawn from lag/2 to lag: slot j holds f(cue j) with probability `signal`, else a noise
item that the user has not seen. No item comes twice in a history, so it makes no difference whether seen
items are ranked or removed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from linrec_cli import catalog
from linrec_cli.catalog import Range
from linrec_cli.datasets import _reach
from linrec_cli.errors import UsageError

SOURCES = ()
LICENSE = "none needed"
CITATION = "made by linrec"
DEFAULTS: dict[str, object] = {"users": 2000, "items": 1000, "lag": 64, "signal": 0.6, "seed": 0}
RANGES = {
    "users": Range(1, 1_000_000),
    "items": Range(4, 10_000_000),
    "lag": Range(51, 4096),
    "signal": Range(0.01, 0.99),
    "seed": Range(0, 2**63 - 1),
}
MOST = 100_000_000
"""Events of cues, beyond which the histories would fill a machine."""
WINDOW = 50
LOWEST, HIGHEST = 0.3, 0.8
USERS_AT_ONCE = 8192

Items = NDArray[np.int64]


class Options(NamedTuple):
    """What the histories are made from."""

    users: int
    items: int
    lag: int
    signal: float
    seed: int

    @property
    def cues(self) -> int:
        """Count the cues, which are as many as the answers: a quarter of the items each."""
        return self.items // 4

    @property
    def noise(self) -> int:
        """Count the items that are neither cue nor answer."""
        return self.items - 2 * self.cues


class Parts(NamedTuple):
    """The items by what they are; `answers[i]` is f(`cues[i]`)."""

    cues: Items
    answers: Items
    noise: Items


def options(spec: str) -> Options:
    """Read `synthetic:users=2000:items=1000:lag=64:signal=0.6:seed=0`; what is not given has these values.

    Raises:
        UsageError: no such histories can be made, or their best score is too near to 0 or 1 to be of use.
    """
    chosen = Options(**catalog.convert(spec, DEFAULTS, RANGES))  # type: ignore[arg-type]
    if chosen.users * chosen.lag > MOST:
        raise UsageError(f"users={chosen.users} times lag={chosen.lag} is more than {MOST:,} events; give less.")
    if chosen.cues < chosen.lag:
        raise UsageError(f"items={chosen.items} is too few for lag={chosen.lag}; give at least {4 * chosen.lag}.")
    best = best_recall(chosen)
    if not LOWEST <= best <= HIGHEST:
        raise UsageError(f"signal={chosen.signal} makes the best Recall@10 {best:.2f}; it must be in .3 to .8.")
    return chosen


def best_recall(chosen: Options, k: int = 10) -> float:
    """Compute the highest Recall@k that any predictor can have on the last event of a history."""
    return _reach.best(chosen.lag, chosen.noise, chosen.signal, k)


def card(spec: str) -> dict[str, float]:
    """Tell what can be reached on the last event: by any predictor, and by two that see too little."""
    chosen = options(spec)
    shape = (chosen.lag, chosen.cues, chosen.noise, chosen.signal, 10)
    return {
        "best_recall_at_10": best_recall(chosen),
        "first_order_recall_at_10": _reach.blind(*shape, window=1),
        "last_50_recall_at_10": _reach.blind(*shape, window=WINDOW),
    }


def parts(chosen: Options) -> Parts:
    """Shuffle the items 1 to `items` into cues, answers and noise."""
    shuffled = np.random.default_rng([chosen.seed, 0]).permutation(chosen.items) + 1
    return Parts(*np.split(shuffled, [chosen.cues, 2 * chosen.cues]))


def generate(spec: str) -> pl.LazyFrame:
    """Make the histories, users in order, each in the order of time, which counts the user's events."""
    return pl.concat(list(chunks(options(spec))), rechunk=False).lazy()


def chunks(chosen: Options) -> Iterator[pl.DataFrame]:
    """Make the histories of some users at a time, so that what is needed on the way stays small."""
    made = parts(chosen)
    for first in range(0, chosen.users, USERS_AT_ONCE):
        users = np.arange(first, min(first + USERS_AT_ONCE, chosen.users))
        yield histories(users, made, chosen, np.random.default_rng([chosen.seed, 1, first]))


def histories(users: Items, made: Parts, chosen: Options, rng: np.random.Generator) -> pl.DataFrame:
    """Make the histories of `users`."""
    lag, shape = chosen.lag, (len(users), chosen.lag)
    cues = distinct(shape, chosen.cues, rng)
    noise = distinct(shape, chosen.noise, rng)
    answered = rng.random(shape) < chosen.signal
    slots = np.where(answered, made.answers[cues], made.noise[noise])
    filled = np.arange(lag) < rng.integers((lag + 1) // 2, lag, size=(len(users), 1), endpoint=True)
    events = np.concatenate([made.cues[cues], slots], axis=1)
    here = np.concatenate([np.ones(shape, dtype=bool), filled], axis=1)
    user, time = np.nonzero(here)
    return pl.DataFrame({"user": users[user], "item": events[here], "time": time})


def distinct(shape: tuple[int, int], among: int, rng: np.random.Generator) -> Items:
    """Draw rows of distinct numbers below `among`, uniformly: whatever repeats in a row is drawn again.

    No number is treated otherwise than another, so every row of distinct numbers is as likely as any other.
    """
    drawn = rng.integers(among, size=shape)
    rows = np.arange(shape[0])
    while rows.size:
        order = np.argsort(drawn[rows], axis=1, kind="stable")
        ranked = np.take_along_axis(drawn[rows], order, axis=1)
        row, place = np.nonzero(ranked[:, 1:] == ranked[:, :-1])
        drawn[rows[row], order[row, place + 1]] = rng.integers(among, size=row.size)
        rows = rows[np.unique(row)]
    return drawn
