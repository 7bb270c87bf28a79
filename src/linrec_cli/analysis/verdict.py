"""Verdicts on two tables: which costs rose, and which qualities fell, by more than runs of the same code differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import mean, median
from typing import Any

import polars as pl

from linrec_cli.analysis import significance
from linrec_cli.analysis.pairs import COUNTED, Pair, pairs

Ranks = Mapping[str, pl.DataFrame]
"""A user a row, by run: `user`, and the rank in a column named for the stage, or in `rank`."""

ORDER = ("regression", "inconclusive", "improved", "ok", "incomparable")
"""Verdicts, worst first; `incomparable` is what one side alone has, or what was made in another way."""
SEEDS = 3
"""Seeds from which on a change of quality can be told from one more training."""
ALPHA = 0.05
"""Probability, after Holm, up to which a change of quality is no chance."""


@dataclass(frozen=True)
class Rule:
    """What is compared, and what a change must exceed to be called one; shares, not per cent.

    Attributes:
        chance: that all new runs are worse than all old ones although nothing changed; above it, runs are too few.
        quantile: of a run's samples, what its time is; a low one, because others on a machine only ever add time.
        yardstick: the mechanism whose time in the same turn of the same run is the unit; empty: seconds.
        force: compare also what was made in another way.
    """

    time: float = 0.05
    memory: float = 0.01
    quality: float = 0.02
    chance: float = 0.01
    quantile: float = 0.05
    yardstick: str = "softmax"
    metric: str = "ndcg"
    k: int = 10
    force: bool = False


@dataclass(frozen=True)
class Verdict:
    """A verdict on a number of a cell.

    Attributes:
        cell: what was measured, and how.
        kind: `time`, `memory` or `quality`; empty where neither side has a number.
        unit: of the numbers; `x softmax` where they are multiples of the yardstick's.
        base: a number a run, of a quality one a seed; empty where there is none.
        new: the same of the other side.
        change: relative, of the medians; of a quality, of the means.
        noise: what two runs of the same code differ by; of a quality, half of the 95 % interval; relative.
        p: of a quality, after Holm.
        note: why there is no clear answer, or what to know about it.
    """

    verdict: str
    cell: dict[str, Any]
    kind: str
    unit: str
    base: tuple[float, ...] = ()
    new: tuple[float, ...] = ()
    change: float | None = None
    noise: float | None = None
    p: float | None = None
    note: str = ""


def compare(base: pl.DataFrame, new: pl.DataFrame, rule: Rule, ranks: tuple[Ranks, Ranks] = ({}, {})) -> list[Verdict]:
    """Judge every cell that either table has, worst first."""
    how: dict[str, Any] = {"yardstick": rule.yardstick, "quantile": rule.quantile, "force": rule.force}
    found = list(pairs(base, new, score=(rule.metric, rule.k), **how))
    verdicts = [incomparable(pair, rule) for pair in found if not pair.comparable]
    verdicts += [cost(pair, rule) for pair in found if pair.comparable and pair.kind != "quality"]
    verdicts += qualities([pair for pair in found if pair.comparable and pair.kind == "quality"], ranks, rule)
    return sorted(verdicts, key=lambda one: (ORDER.index(one.verdict), -loss(one)))


def loss(verdict: Verdict) -> float:
    """Give by how much a cell became worse, relative; 0 where that is not known."""
    change = verdict.change or 0.0
    return -change if verdict.kind == "quality" else change


def blank(pair: Pair, rule: Rule) -> Verdict:
    """Write what is known of a pair before it is judged."""
    units = {"time": f"x {rule.yardstick}" if rule.yardstick else "s", "memory": "B", "quality": "1", "": ""}
    base, new = (
        tuple(frame["value"].drop_nulls().to_list() if frame is not None else ()) for frame in (pair.base, pair.new)
    )
    return Verdict("incomparable", pair.cell, pair.kind, units[pair.kind], base, new, note=pair.note)


def incomparable(pair: Pair, rule: Rule) -> Verdict:
    """Write a pair that cannot be judged; what the new side tried in vain is no regression, and not fine either."""
    return replace(blank(pair, rule), verdict="inconclusive" if pair.lost else "incomparable")


def cost(pair: Pair, rule: Rule) -> Verdict:
    """Judge a time or a memory."""
    verdict = blank(pair, rule)
    threshold = rule.time if verdict.kind == "time" else rule.memory
    word, change, noise, note = judged(verdict.base, verdict.new, threshold, rule.chance, counted=counted(verdict.cell))
    beside = crowded(pair) if word != "ok" and verdict.kind == "time" else ""
    notes = "; ".join(filter(None, (note, beside, verdict.note)))
    return replace(verdict, verdict=word, change=change, noise=noise, note=notes)


def counted(cell: Mapping[str, Any]) -> bool:
    """Tell whether a cell's number is counted: the same code then always gives the same."""
    return cell["metric"] in COUNTED or str(cell["stage"]).endswith("allocated")


def crowded(pair: Pair) -> str:
    """Say so where other processes used the cores or the GPU while a pair was timed."""
    frames = [frame for frame in (pair.base, pair.new) if frame is not None]
    return "timed beside other processes" if any(frame["contended"].any() for frame in frames) else ""


def judged(
    base: Sequence[float], new: Sequence[float], threshold: float, chance: float, *, counted: bool = False
) -> tuple[str, float, float | None, str]:
    """Judge numbers of which less is better, one a run.

    A change is called one only if every new run lies beyond every base run, and it exceeds both the threshold and
    twice the noise.

    Args:
        base: of the code before.
        new: of the code after.
        threshold: the least change that matters, relative.
        chance: the greatest that all lie beyond all by chance, before runs are too few.
        counted: the same code always gives the same number, so that one run is enough.

    Returns:
        the verdict; the change of the medians and the noise, relative; why nothing can be said.
    """
    change, noise = relative(median(base), median(new)), spread(base, new)
    too_few = not counted and 1 / math.comb(len(base) + len(new), len(base)) > chance
    if too_few:
        return "inconclusive", change, noise, f"{len(base)} and {len(new)} runs; {runs_needed(chance)} a side will do"
    blind = 2 * (noise or 0.0)
    apart = min(new) > max(base) or max(new) < min(base)
    if apart and abs(change) > max(threshold, blind):
        return ("regression" if change > 0 else "improved"), change, noise, ""
    if blind > threshold:
        return "inconclusive", change, noise, f"too noisy to see a change of {100 * threshold:g} %"
    if abs(change) > threshold:
        return "inconclusive", change, noise, "the runs of both sides overlap"
    return "ok", change, noise, ""


def relative(base: float, new: float) -> float:
    """Give the change from `base` to `new` as a share of `base`; of nothing, none or infinite."""
    if base == 0:
        return math.copysign(math.inf, new) if new else 0.0
    return new / base - 1


def spread(*sides: Sequence[float]) -> float | None:
    """Average what two runs of the same side differ by, as a share of its median; `None` without two runs."""
    shares = [abs(a - b) / (abs(median(side)) or 1.0) for side in sides for a, b in combinations(side, 2)]
    return mean(shares) if shares else None


def runs_needed(chance: float) -> int:
    """Count the runs a side needs, so that all of one beyond all of the other is no likelier than `chance`."""
    runs = 1
    while 1 / math.comb(2 * runs, runs) > chance:
        runs += 1
    return runs


def qualities(found: Sequence[Pair], ranks: tuple[Ranks, Ranks], rule: Rule) -> list[Verdict]:
    """Judge qualities together: the more of them, the more each must stand out."""
    first = [quality(pair, ranks, rule) for pair in found]
    asked = [one for one in first if one.p is not None]
    raised = iter(significance.holm([one.p for one in asked if one.p is not None]))
    return [one if one.p is None else settled(replace(one, p=next(raised)), rule) for one in first]


def quality(pair: Pair, ranks: tuple[Ranks, Ranks], rule: Rule) -> Verdict:
    """Measure a change of quality over the seeds that both sides have; `p` stays empty where nothing can be said."""
    verdict = blank(pair, rule)
    ours, theirs = (by_seed(frame) for frame in (pair.base, pair.new) if frame is not None)
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return replace(verdict, note="no seed in common")
    base, new = ([side[seed] for seed in seeds] for side in (ours, theirs))
    frames = [ranked(rows, held) for rows, held in zip((base, new), ranks, strict=True)]
    if frames[0] and frames[1]:
        found, notes = significance.paired(significance.differences(frames[0], frames[1], rule.metric, rule.k)), []
    else:
        errors = [math.hypot(*(row["high"] - row["value"] for row in two)) for two in zip(base, new, strict=True)]
        changes = [b["value"] - a["value"] for a, b in zip(base, new, strict=True)]
        found = significance.from_errors(changes, errors)
        notes = ["no ranks on both sides: from standard errors, users unpaired"]
    values = [tuple(row["value"] for row in rows) for rows in (base, new)]
    scale, same = mean(values[0]) or 1.0, values[0] == values[1]
    few = len(seeds) < SEEDS and not same
    notes += [f"{len(seeds)} of the {SEEDS} seeds that tell it from one more training"] if few else []
    return replace(
        verdict,
        verdict="inconclusive",
        base=values[0],
        new=values[1],
        change=found.value / scale,
        noise=0.0 if same else (found.high - found.low) / 2 / scale,
        p=None if few else found.p,
        note="; ".join(filter(None, (*notes, pair.note))),
    )


def settled(verdict: Verdict, rule: Rule) -> Verdict:
    """Judge a change of quality whose probability is known."""
    change, noise, p = verdict.change or 0.0, verdict.noise or 0.0, verdict.p
    if p is not None and p <= ALPHA and abs(change) > rule.quality:
        return replace(verdict, verdict="regression" if change < 0 else "improved")
    if change - noise >= -rule.quality:
        return replace(verdict, verdict="ok")
    note = f"too noisy to rule out a loss of {100 * rule.quality:g} %"
    return replace(verdict, verdict="inconclusive", note="; ".join(filter(None, (note, verdict.note))))


def by_seed(rows: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """Take the latest row of every seed."""
    return {row["seed"]: row for row in rows.sort("created").to_dicts()}


def ranked(rows: Sequence[Mapping[str, Any]], held: Ranks) -> dict[int, pl.DataFrame]:
    """Find the ranks behind rows, by seed; none at all where those of one are not there."""
    frames = {row["seed"]: (row["stage"], held[row["run"]]) for row in rows if row["run"] in held}
    if len(frames) < len(rows):
        return {}
    return {
        seed: frame.select("user", rank=stage if stage in frame.columns else "rank")
        for seed, (stage, frame) in frames.items()
    }
