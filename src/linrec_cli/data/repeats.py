"""Events that stand twice: the same user, item and time, or the same item directly after itself."""

import numpy as np
import numpy.typing as npt
import polars as pl

from linrec_cli.data.number import Codes
from linrec_cli.errors import UsageError

Mask = npt.NDArray[np.bool_]


def exact(events: pl.DataFrame) -> Mask:
    """Mark the events whose user had the same item at the same time before; `events` are in their final order."""
    user, time = events["user"].to_numpy(), events["time"].to_numpy()
    tied = np.zeros(len(user) + 1, np.bool_)
    tied[1:-1] = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    # Only neighbours at one time can be the same; of most logs those are few.
    some = np.flatnonzero(tied[1:] | tied[:-1])
    found = np.zeros(len(user), np.bool_)
    if len(some):
        found[some] = ~events[some].select(pl.struct("user", "time", "item").is_first_distinct()).to_series().to_numpy()
    return found


def consecutive(events: pl.DataFrame) -> Mask:
    """Mark the events of the same user and item as the one before."""
    user, item = events["user"].to_numpy(), events["item"].to_numpy()
    found = np.zeros(len(user), np.bool_)
    found[1:] = (user[1:] == user[:-1]) & (item[1:] == item[:-1])
    return found


def without(events: pl.DataFrame, rule: str, timed: bool) -> tuple[Codes, Codes, npt.NDArray[np.int64]]:
    """Take the events out that a rule drops.

    Args:
        events: numbered from 1 and ordered.

    Returns:
        user and item, numbered from 0, and time.

    Raises:
        UsageError: the rule asks for times and there are none.
    """
    if rule == "drop" and not timed:
        raise UsageError("--duplicates drop compares times, and the events have none; take --duplicates consecutive.")
    left = events.filter(pl.Series(~(exact if rule == "drop" else consecutive)(events)))
    return left["user"].to_numpy() - np.uint32(1), left["item"].to_numpy() - np.uint32(1), left["time"].to_numpy()
