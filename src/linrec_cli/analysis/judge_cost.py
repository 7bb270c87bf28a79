"""Whether a time or a memory rose by more than runs of the same code differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean
from typing import Any

from linrec_cli.analysis.pairs import COUNTED, Pair
from linrec_cli.analysis.reading import over_runs
from linrec_cli.analysis.verdict import Rule, Verdict, blank


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
    change, noise = relative(over_runs(base), over_runs(new)), spread(base, new)
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
    shares = [abs(a - b) / (abs(over_runs(side)) or 1.0) for side in sides for a, b in combinations(side, 2)]
    return fmean(shares) if shares else None


def runs_needed(chance: float) -> int:
    """Count the runs a side needs, so that all of one beyond all of the other is no likelier than `chance`."""
    runs = 1
    while 1 / math.comb(2 * runs, runs) > chance:
        runs += 1
    return runs
