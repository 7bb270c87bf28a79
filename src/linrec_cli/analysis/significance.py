"""Whether two models' quality differs by more than chance: users and seeds drawn anew, and Holm for many questions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from linrec_cli.analysis import student
from linrec_cli.evaluation.summary import by_user, score

DRAWS = 5_000
ENOUGH = 200
"""Draws for each of several questions, where all lie on one side: Holm multiplies the least there can be by these."""
HELD = 2**22
"""Numbers drawn at once."""
ROUNDING = 1e-12
"""Of a mean, what values that are all the same may spread by."""
NORMAL = 1.959964
"""Standard errors that reach 95 % of a normal distribution's mass."""


@dataclass(frozen=True)
class Difference:
    """A difference of means: its 95 % interval and the probability of one as large where there is none."""

    value: float
    low: float
    high: float
    p: float


def differences(base: Mapping[int, pl.DataFrame], new: Mapping[int, pl.DataFrame], metric: str, k: int) -> pl.DataFrame:
    """Subtract each user's metric under `base` from that under `new`; a user's is what their targets come to.

    Args:
        base: by seed, a target a row: `user`, `rank`.
        new: the same for the other side; seeds and users that both have count.

    Returns:
        a row a user, a column a seed.
    """
    frames = []
    for seed in sorted(base.keys() & new.keys()):
        left, right = (by_user(side[seed], {"score": score(metric, k)}) for side in (base, new))
        pair = left.join(right, on="user", suffix="_new", validate="1:1")
        frames.append(pair.select("user", (pl.col("score_new") - pl.col("score")).alias(str(seed))))
    whole, *others = frames
    for frame in others:
        whole = whole.join(frame, on="user", validate="1:1")
    return whole.drop("user")


def paired(differences: pl.DataFrame, seed: int = 0, draws: int | None = None, questions: int = 1) -> Difference:
    """Bootstrap the mean of paired differences over users, and add what the choice of seeds does to it.

    Users are drawn anew with their means over seeds. Three seeds cannot be: drawn from themselves they spread too
    little and never far, and what is particular to a user in one seed would count three times. What they add is
    drawn from Student's t instead. Users of the same mean are drawn together, which changes nothing but the work.

    Args:
        differences: a row a user, a column a seed.
        seed: of the draws.
        draws: how many; None: `DRAWS`.
        questions: that are asked together; where it could not be told otherwise whether chance is ruled out for all
            of them, more is drawn.

    Cost: `draws` times the number of distinct means, not of users.
    Source: Owen and Eckles 2012, arXiv:1106.2125 (what drawing rows and columns counts too often).
    """
    rng, draws = np.random.default_rng(seed), draws or DRAWS
    values = differences.to_numpy()
    users, seeds = values.shape
    distinct, counts = np.unique(values.mean(1).round(12), return_counts=True)
    drawn = np.empty(draws)
    for part in np.array_split(np.arange(draws), math.ceil(draws * len(counts) / HELD)):
        drawn[part] = rng.multinomial(users, counts / users, len(part)) @ distinct / users
    if seeds > 1:
        drawn += seed_error(values) * rng.standard_t(seeds - 1, draws)
    low, high = np.quantile(drawn, (0.025, 0.975))
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    if not tail and draws < ENOUGH * questions:
        return paired(differences, seed, ENOUGH * questions)
    return Difference(float(values.mean()), float(low), float(high), min(1.0, 2 * float(tail + 1) / (draws + 1)))


def seed_error(values: npt.NDArray[np.float64]) -> float:
    """Estimate the standard error that seeds give the mean of `values [U, S]` beyond what users alone do.

    The variance of the seeds' means less what users, each differing from seed to seed, make of it.
    """
    users, seeds = values.shape
    effects = values.mean(0) - values.mean()
    rest = values - values.mean(1, keepdims=True) - effects
    between = effects @ effects / (seeds - 1)
    within = (rest**2).sum() / max(1, (users - 1) * (seeds - 1)) / users
    return math.sqrt(max(0.0, between - within) / seeds)


def t_test(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Test whether paired differences `[U]` have the mean 0.

    Returns:
        their mean over their standard deviation (Cohen's d_z), Student's t, and its two-sided probability; where all
        are the same, d_z and t are infinite, or 0 if that is what they are.
    """
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    same = deviation <= ROUNDING * abs(mean)
    effect = math.copysign(math.inf, mean) if same and mean else mean / (deviation or 1.0)
    t = effect * math.sqrt(len(values))
    return effect, t, student.two_sided(t, len(values) - 1)


def from_errors(changes: Sequence[float], errors: Sequence[float]) -> Difference:
    """Judge a difference from means and standard errors alone, where no user's rank is at hand.

    Args:
        changes: a seed's difference each.
        errors: the standard error over users of each; the same users stand in all seeds, so that averaging over
            seeds is not taken to lower it.
    """
    value = float(np.mean(changes))
    between = float(np.var(changes, ddof=1)) / len(changes) if len(changes) > 1 else 0.0
    error = math.sqrt(float(np.mean(np.square(errors))) + between)
    if error == 0:
        return Difference(value, value, value, float(value == 0))
    p = math.erfc(abs(value) / error / math.sqrt(2))
    return Difference(value, value - NORMAL * error, value + NORMAL * error, p)


def holm(p: Sequence[float]) -> list[float]:
    """Raise probabilities so that one question in many being answered wrongly is no likelier than one asked alone.

    Source: Holm 1979, Scandinavian Journal of Statistics 6.
    """
    raised, so_far = [0.0] * len(p), 0.0
    for place, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        so_far = max(so_far, min(1.0, (len(p) - place) * p[index]))
        raised[index] = so_far
    return raised
