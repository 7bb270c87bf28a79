"""Runs against the first of them, user by user: whether they differ by more than chance, and by how much."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from linrec_cli.analysis import significance
from linrec_cli.analysis.difference import difference
from linrec_cli.analysis.labels import QUALITY
from linrec_cli.errors import NothingMeasuredError, UsageError

Row = Mapping[str, Any]

SCORES = (QUALITY, QUALITY | {"metric": "recall"})
"""What is compared."""
SAME = ("data_digest", "split", "protocol", "seen", "ties", "stage", "time_aware")
"""What must be the same for users to be comparable; how a model was made may differ."""
DRAWS = 10_000


@dataclass(frozen=True)
class Comparison:
    """A run against the first, by one metric; differences are this one's less the first one's, user by user.

    Attributes:
        users: whom both ranked for.
        difference: its mean; `low` and `high` are its 95 % interval, by bootstrap percentiles.
        d_z: the mean over the standard deviation of the differences, Cohen's d of pairs.
        t: of Student's paired test, with `users - 1` degrees of freedom.
        p_t, p_bootstrap: two-sided, each raised by Holm over all comparisons that were asked for together.
    """

    base: str
    new: str
    metric: str
    k: int
    users: int
    difference: float
    low: float
    high: float
    d_z: float
    t: float
    p_t: float
    p_bootstrap: float


def comparisons(runs: Sequence[tuple[Row, pl.DataFrame]]) -> list[Comparison]:
    """Compare each run with the first on the same users, and correct for how many questions that are.

    Args:
        runs: how each ranked, a row of its table, and its ranks, a target a row: `user`, `rank`.

    Raises:
        UsageError: runs do not share data, split, seen rule or targets.
        NothingMeasuredError: there are fewer than two users.
    """
    (base, ranks), *others = runs
    for row, held in others:
        alike(base, row)
        if held["user"].sort().to_list() != ranks["user"].sort().to_list():
            raise refused(base["run"], row["run"], f"other targets ({len(ranks)} against {len(held)})")
    if ranks["user"].n_unique() < 2:
        raise NothingMeasuredError("there are fewer than two users, whose differences could vary; nothing was tested.")
    found = [one for row, held in others for one in compared(base["run"], row["run"], ranks, held, len(others))]
    raised = (significance.holm([getattr(one, name) for one in found]) for name in ("p_t", "p_bootstrap"))
    return [replace(one, p_t=t, p_bootstrap=drawn) for one, t, drawn in zip(found, *raised, strict=True)]


def compared(base: str, new: str, ranks: pl.DataFrame, held: pl.DataFrame, runs: int) -> Iterator[Comparison]:
    """Compare two runs by every metric, each question by itself; `runs` are compared with the same one."""
    for score in SCORES:
        differences = significance.differences({0: ranks}, {0: held}, score["metric"], score["k"])
        drawn = significance.paired(differences, draws=DRAWS, questions=runs * len(SCORES))
        tested = significance.t_test(differences["0"].to_numpy())
        interval = (drawn.value, drawn.low, drawn.high)
        yield Comparison(base, new, score["metric"], score["k"], len(differences), *interval, *tested, drawn.p)


def alike(base: Row, other: Row, names: Sequence[str] = SAME) -> None:
    """Make sure that two runs ranked the same in the same way.

    Raises:
        UsageError: they did not; the message says in what they differ.
    """
    ours, theirs = (tuple(row[name] for name in names) for row in (base, other))
    if ours != theirs:
        raise refused(base["run"], other["run"], difference(ours, theirs, names))


def refused(base: str, new: str, why: str) -> UsageError:
    """Make the error for runs that cannot be compared user by user."""
    return UsageError(f"{base} and {new} cannot be compared by user: {why}; name runs that share it.")
