"""Whether quality fell by more than chance, from users' ranks where they are there, else from standard errors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from linrec_cli.analysis import significance
from linrec_cli.analysis.pairs import GONE, Pair
from linrec_cli.analysis.reading import latest, over_seeds
from linrec_cli.analysis.verdict import Rule, Verdict, blank

Ranks = Mapping[str, pl.DataFrame]
"""A target a row, by run: `stage`, `user`, `rank`."""

SEEDS = 3
"""Seeds from which on a change of quality can be told from one more training."""
ALPHA = 0.05
"""Probability, after Holm, up to which a change of quality is no chance."""


def qualities(found: Sequence[Pair], ranks: tuple[Ranks, Ranks], rule: Rule) -> list[Verdict]:
    """Judge qualities together: the more of them, the more each must stand out."""
    first = [quality(pair, ranks, rule, len(found)) for pair in found]
    asked = [one for one in first if one.p is not None]
    raised = iter(significance.holm([one.p for one in asked if one.p is not None]))
    return [one if one.p is None else settled(replace(one, p=next(raised)), rule) for one in first]


def quality(pair: Pair, ranks: tuple[Ranks, Ranks], rule: Rule, questions: int) -> Verdict:
    """Measure a change of quality over the seeds that both sides have; `p` stays empty where nothing can be said.

    Args:
        questions: how many are asked together.
    """
    verdict = blank(pair, rule)
    ours, theirs = (by_seed(frame) for frame in (pair.base, pair.new) if frame is not None)
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return replace(verdict, verdict="inconclusive", note="no seed in common")
    base, new = ([side[seed] for seed in seeds] for side in (ours, theirs))
    values = [tuple(row["value"] for row in rows) for rows in (base, new)]
    found, notes = uncertain(base, new, ranks, rule, questions)
    scale, same = over_seeds(values[0]) or 1.0, values[0] == values[1]
    if few := len(seeds) < SEEDS and not same:
        notes.append(f"{len(seeds)} of the {SEEDS} seeds that tell it from one more training")
    if gone := sorted(ours.keys() - theirs.keys()):
        notes.append(f"{GONE}: seed {', '.join(map(str, gone))}")
    return replace(
        verdict,
        verdict="inconclusive",
        base=values[0],
        new=values[1],
        change=(over_seeds(values[1]) - over_seeds(values[0])) / scale,
        noise=0.0 if same else (found.high - found.low) / 2 / scale,
        p=None if few else found.p,
        note="; ".join(filter(None, (*notes, pair.note))),
    )


def uncertain(
    base: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    ranks: tuple[Ranks, Ranks],
    rule: Rule,
    questions: int,
) -> tuple[significance.Difference, list[str]]:
    """Tell how sure a difference is, from users' ranks or else from standard errors, and what to know about it."""
    frames = [ranked(rows, held) for rows, held in zip((base, new), ranks, strict=True)]
    if frames[0] and frames[1]:
        apart = significance.differences(frames[0], frames[1], rule.metric, rule.k)
        return significance.paired(apart, questions=questions), []
    # A single user has no standard error.
    errors = [
        math.hypot(*(math.inf if row["high"] is None else row["high"] - row["value"] for row in two))
        for two in zip(base, new, strict=True)
    ]
    changes = [b["value"] - a["value"] for a, b in zip(base, new, strict=True)]
    return significance.from_errors(changes, errors), ["no ranks on both sides: from standard errors, users unpaired"]


def settled(verdict: Verdict, rule: Rule) -> Verdict:
    """Judge a change of quality whose probability is known; where a seed is gone, it is not `ok`."""
    change, noise, p = verdict.change or 0.0, verdict.noise or 0.0, verdict.p
    if p is not None and p <= ALPHA and abs(change) > rule.quality:
        return replace(verdict, verdict="regression" if change < 0 else "improved")
    if change - noise >= -rule.quality:
        return replace(verdict, verdict="inconclusive" if GONE in verdict.note else "ok")
    note = f"too noisy to rule out a loss of {100 * rule.quality:g} %"
    return replace(verdict, verdict="inconclusive", note="; ".join(filter(None, (note, verdict.note))))


def by_seed(rows: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """Take the latest row of every seed."""
    return {row["seed"]: row for row in latest(rows, ["seed"]).to_dicts()}


def ranked(rows: Sequence[Mapping[str, Any]], held: Ranks) -> dict[int, pl.DataFrame]:
    """Find the ranks behind rows, by seed; none at all where those of one are not there."""
    frames = {row["seed"]: held[row["run"]].filter(stage=row["stage"]) for row in rows if row["run"] in held}
    return frames if len(frames) == len(rows) and all(len(frame) for frame in frames.values()) else {}
