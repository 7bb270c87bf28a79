"""How time and memory grow with the length, and the length from which on a mechanism is faster than a baseline.

A slope is that of the straight line through log(cost) over log(length), by least squares, over the range where work
outweighs overhead. The range ends at the longest length and starts at the shortest from which on

1. the points no longer bend upwards: the slope of a parabola through them rises by at most `BEND` a doubling. What does
   not grow (launches, and all else that is the same at every length) is a floor, and leaving it bends the curve;
2. at a fixed batch, every local slope is at least `FLOOR`: work grows at least as fast as the length there, and below
   one half the floor is the larger part. At fixed tokens, and in `serve`, work need not grow at all.

Where fewer than `LEAST` lengths are left there is no slope, and the row says so. The range is chosen once, from the
medians. Intervals are the middle 95 % of bootstrap draws, each of which resamples the stored samples of every length:
they hold what the samples of one run differ by, not what runs differ by. One sample a length has no interval.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from linrec_cli.analysis import phases
from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.curves import RIVALS, Curve, Numbers, curves, together, useful
from linrec_cli.analysis.labels import mechanism
from linrec_cli.analysis.reading import Row, Rows, read
from linrec_cli.profiling.memory import RESOLUTION

LEAST = 3
"""Lengths that a slope takes."""
BEND = 0.05
"""Rise of the slope a doubling that still passes for a straight line; a floor below linear growth makes up to 0.17."""
FLOOR = 0.5
SLACK = 0.05
"""Share of its tokens that a batch may leave out, because the length does not divide them, and count as full."""
INTERVAL = (0.025, 0.975)
SLOPES = {"seconds": "time_slope", "peak_bytes": "memory_slope"}
RULES = {
    "tokens": "at fixed tokens quadratic cost is 1, linear cost 0",
    "batch": "at a fixed batch quadratic cost is 2, linear cost 1",
}
STATE = {"tokens": ", a state's cost -1", "batch": ", a state's cost 0"}
"""Where a state is a way to do it, fixed tokens are fewer users the longer their histories."""


def rows(measured: Rows) -> list[Row]:
    """Make the rows `time_slope`, `memory_slope` and `crossover` of a sweep; none below `LEAST` lengths.

    A slope's `note` says over which lengths, and what to expect; a row without a slope is `skipped`. A crossover's
    `stage` is the baseline, its value a length in positions: from there on the mechanism is faster, up to the longest
    length that gave both a number. It has no value where that is so `always`, or `never`, or `only` of shorter lengths:
    its `note` starts with that word. A bound that is missing lies beyond the lengths measured.
    """
    table = read(measured)
    if useful(table)["maxlen"].n_unique() < LEAST:
        return []
    found = list(curves(table))
    slopes = [one.labels | slope(one) for one in found]
    times = [one for one in found if one.metric == "seconds"]
    return slopes + [row for rivals in together(times, RIVALS) for row in crossovers(rivals)]


def slope(curve: Curve) -> Row:
    """Write a curve's slope, or why there is none."""
    curve, fixed = comparable(curve)
    shared = {"metric": SLOPES[curve.metric], "unit": "1"} | held(curve, fixed)
    if len(curve.lengths) < LEAST:
        number = f"a peak over {RESOLUTION['rss'] // 2**20} MiB" if curve.faint else "a number"
        same = f" and the same {fixed}" if len(curve.lengths) else ""
        few = f"it takes {LEAST} lengths with {number}{same}; there are {len(curve.lengths)}"
        return shared | {"status": "skipped", "note": few}
    ways = curve.labels["phase"] in phases.with_ways()
    first = start(curve, grows=fixed == "batch" and not ways)
    if first is None:
        why = f"overhead still shows at {curve.lengths[-1]:,}; measure longer lengths"
        return shared | {"status": "skipped", "note": why}
    curve = curve.at(np.arange(first, len(curve.lengths)))
    expected = RULES[fixed] + (STATE[fixed] if ways else "")
    note = f"from {curve.lengths[0]:,} to {curve.lengths[-1]:,}; {expected}"
    row = shared | {"status": "ok", "value": float(exponents(curve.lengths, curve.values)), "note": note}
    return row | bounds(exponents(curve.lengths, curve.draws)) if curve.sampled else row


def comparable(curve: Curve) -> tuple[Curve, str]:
    """Keep the lengths that share the `batch` (sequences), or else full batches of the same `tokens`."""
    if len(curve.lengths) > 1 and len(set(curve.tokens / curve.lengths)) == 1:
        return curve, "batch"
    # A sequence longer than the tokens asked for makes its batch larger than the others.
    least = curve.tokens == curve.tokens.min(initial=np.iinfo(np.int64).max)
    return curve.at(least & (curve.tokens % curve.lengths <= SLACK * curve.tokens)), "tokens"


def held(curve: Curve, fixed: str) -> Row:
    """Give the column of what all lengths share, where it is the tokens of a batch."""
    return {"tokens": int(curve.tokens[0])} if fixed == "tokens" and len(curve.tokens) else {}


def start(curve: Curve, grows: bool) -> int | None:
    """Find the shortest length from which on work outweighs overhead, as the module says; its index."""
    x, y = np.log2(curve.lengths), np.log2(curve.values)
    for first in range(len(x) - LEAST + 1):
        bend = 2 * np.polyfit(x[first:], y[first:], 2)[0]
        steps = np.diff(y[first:]) / np.diff(x[first:])
        if bend <= BEND and (not grows or steps.min() >= FLOOR):
            return first
    return None


def exponents(lengths: NDArray[np.int64], costs: Numbers) -> Numbers:
    """Fit `cost = a * length ** exponent` to each row of `costs [..., L]`."""
    x = np.log2(lengths) - np.log2(lengths).mean()
    return np.asarray(np.log2(costs) @ x / (x @ x))


def bounds(draws: Numbers) -> Row:
    """Give the columns of the interval; a bound that is infinite is left out."""
    # Another method would average a number with infinity.
    pair = np.quantile(draws, INTERVAL, method="inverted_cdf")
    return {name: float(value) for name, value in zip(("low", "high"), pair, strict=True) if np.isfinite(value)}


def crossovers(times: Sequence[Curve]) -> Iterator[Row]:
    """Write where each mechanism overtakes each baseline, by the fastest way that each has."""
    best = {mechanism(ways[0].labels): quickest(ways) for ways in together(times, ["mechanism"])}
    chosen = baselines([*best])
    for theirs in chosen:
        for ours in best:
            if ours not in chosen:
                yield best[ours].labels | crossover(best[ours], best[theirs])


def quickest(ways: Sequence[Curve]) -> Curve:
    """Choose the way that takes least at the longest length."""
    return min(ways, key=lambda way: (-way.lengths.max(initial=0), *way.values[-1:]))


def crossover(curve: Curve, baseline: Curve) -> Row:
    """Write the length from which on a mechanism is faster than the baseline."""
    against = mechanism(baseline.labels)
    row = {"metric": "crossover", "unit": "positions", "stage": against} | held(*comparable(curve))
    lengths, ours, theirs = np.intersect1d(curve.lengths, baseline.lengths, return_indices=True)
    if not len(lengths):
        return row | {"status": "skipped", "note": "no length gave both a number"}
    curve, baseline = curve.at(ours), baseline.at(theirs)
    lead, draws = (np.log2(getattr(curve, name) / getattr(baseline, name)) for name in ("values", "draws"))
    ways = "" if curve.way == baseline.way else f"; {curve.way} against {baseline.way}"
    row |= {"status": "ok", "note": place(lengths, lead) + ways}
    value = crossings(lengths, lead[None])[0]
    found = {"value": float(value)} if np.isfinite(value) else {}
    if curve.sampled or baseline.sampled:
        found |= bounds(crossings(lengths, draws))
    return row | found


def crossings(lengths: NDArray[np.int64], lead: Numbers) -> Numbers:
    """Find the length from which on each row of `lead [N, L]`, log(time / baseline's), stays below 0.

    Between neighbours it is interpolated in log(length).

    Returns:
        `[N]`: `-inf` where it is below at every length, `inf` where it is not at the longest.
    """
    x, behind = np.log2(lengths), lead >= 0
    found = np.where(behind[:, -1], np.inf, -np.inf)
    some = behind.any(axis=1) & ~behind[:, -1]
    lead, last = lead[some], len(x) - 1 - np.argmax(behind[some, ::-1], axis=1)
    before, after = (lead[np.arange(len(lead)), column] for column in (last, last + 1))
    found[some] = 2 ** (x[last] + before / (before - after) * (x[last + 1] - x[last]))
    return found


def place(lengths: NDArray[np.int64], lead: Numbers) -> str:
    """Say between which lengths a mechanism overtakes, or that it is faster `always`, `never`, or `only` at some."""
    ahead, behind = np.flatnonzero(lead < 0), np.flatnonzero(lead >= 0)
    if not len(behind):
        return f"always from {lengths[0]:,} to {lengths[-1]:,}"
    if behind[-1] < len(lengths) - 1:
        early = lengths[ahead[ahead < behind[-1]]]
        also = f"; faster at {listed(early)} too" if len(early) else ""
        return f"between {lengths[behind[-1]]:,} and {lengths[behind[-1] + 1]:,}{also}"
    if not len(ahead):
        return f"never up to {lengths[-1]:,}"
    return f"only up to {lengths[ahead[-1]]:,}" if ahead[-1] < behind[0] else f"only at {listed(lengths[ahead])}"


def listed(lengths: NDArray[np.int64]) -> str:
    """Write lengths one after the other: `50`, `50 and 200`, `50, 100 and 400`."""
    *first, last = (f"{length:,}" for length in lengths)
    return f"{', '.join(first)} and {last}" if first else last
