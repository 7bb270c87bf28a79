"""The facts of a prepared data set that say how far its numbers can be trusted: lengths, ties, leakage."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from linrec_cli.data import repeats

QUANTILES = {"min": 0.0, "p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}
# What a fact says that needs real times where there are none.
NO_TIME = "n/a"

Offsets = npt.NDArray[np.int64]


def describe(events: pl.DataFrame, offsets: Offsets, *, timed: bool) -> dict[str, Any]:
    """Count what there is, how long histories are, how many neighbours tie and what the split leaks.

    Args:
        events: `user`, `item`, `time`, in their final order; items are numbered from 1 without gaps.
        offsets: where each user's events begin, and the end: `[U + 1]`.
        timed: whether `time` is real; otherwise ties and leakage are "n/a".
    """
    lengths = np.diff(offsets)
    return {
        "users": len(lengths),
        "items": events["item"].max(),
        "interactions": events.height,
        "too_short": int((lengths < 3).sum()),
        "duplicates": duplicates(events),
        "exact_duplicates": int(repeats.exact(events).sum()) if timed else NO_TIME,
        "repeat_share": repeat_share(events["item"].to_numpy(), offsets),
        **largest(events),
        "time": "given" if timed else "file order",
        **(ties(events["time"].to_numpy(), offsets) if timed else dict.fromkeys(TIES, NO_TIME)),
        "leak_share": leak_share(events["time"].to_numpy(), offsets) if timed else NO_TIME,
        # The inverted distribution function: each quantile is a length that some user has.
        "lengths": {name: int(np.quantile(lengths, q, method="inverted_cdf")) for name, q in QUANTILES.items()},
    }


TIES = ("neighbours", "tied_neighbours", "tied_neighbours_share", "tied_last_share")


def ties(time: Offsets, offsets: Offsets) -> dict[str, Any]:
    """Count adjacent events of one user at the same time, and users whose last two events are such."""
    same = time[1:] == time[:-1]
    # Between one user's last event and the next user's first there is no neighbourhood.
    same[offsets[1:-1] - 1] = False
    tied, neighbours = int(same.sum()), len(time) - (len(offsets) - 1)
    last = same[offsets[1:][np.diff(offsets) > 1] - 2].sum()
    share = tied / neighbours if neighbours else 0.0
    return dict(zip(TIES, (neighbours, tied, share, int(last) / (len(offsets) - 1)), strict=True))


def leak_share(time: Offsets, offsets: Offsets) -> Any:
    """Measure what leave-one-out leaks: the share of test events that training has seen the future of.

    Each user's last event is the test event and the last but one is for validation; all before are training.
    A test event counts if it is strictly earlier than the latest training event of at least one other user.
    Users with fewer than 3 events have no such split and count neither way; "n/a" where no user has one.
    """
    ends = offsets[1:][np.diff(offsets) >= 3]
    if not len(ends):
        return NO_TIME
    test, trained = time[ends - 1], time[ends - 3]
    # The user who has that latest event is never counted: the own test comes after it.
    return float((test < trained.max()).mean())


def duplicates(events: pl.DataFrame) -> int:
    """Count the events whose user had the same item before."""
    wide = pl.col("user").cast(pl.UInt64) * (events["item"].max() + 1) + pl.col("item")  # type: ignore[operator]
    return events.height - events.select(wide.n_unique()).item()


def repeat_share(items: npt.NDArray[np.uint32], offsets: Offsets) -> Any:
    """Measure how many of the last two events of each user, which are held out, are of an item the user had before.

    "n/a" where no user has three events.
    """
    lengths, ends = np.diff(offsets), offsets[1:]
    if not (lengths >= 3).any():
        return NO_TIME
    again = []
    for last in (1, 2):
        same = items == np.repeat(items[np.maximum(ends - last, 0)], lengths)
        for later in range(1, last + 1):
            same[np.maximum(ends - later, 0)] = False
        again.append(np.logical_or.reduceat(same, offsets[:-1])[lengths >= 3])
    return float(np.concatenate(again).mean())


def largest(events: pl.DataFrame) -> dict[str, Any]:
    """Find the users and items that hold more of the events than one of them plausibly does.

    A user does from 5 % and ten times the mean on, an item from 20 % and ten times the mean.
    """
    found: dict[str, Any] = {}
    for role, least in (("user", 0.05), ("item", 0.2)):
        counts = np.bincount(events[role].to_numpy())[1:]
        bound = max(least, 10 / len(counts)) * len(events)
        found[f"large_{role}s"] = [int(place) + 1 for place in np.flatnonzero(counts >= bound)]
    return found
