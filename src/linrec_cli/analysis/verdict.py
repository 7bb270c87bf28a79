"""What a verdict is, the rule it is given by, and how a command leaves by many of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from linrec_cli.analysis import baseline
from linrec_cli.analysis.labels import QUALITY
from linrec_cli.analysis.pairs import Pair
from linrec_cli.analysis.reading import over_runs, over_seeds
from linrec_cli.errors import InconclusiveError, NothingMeasuredError, RegressionError

ORDER = ("regression", "inconclusive", "improved", "ok", "incomparable")
"""Verdicts, worst first; `incomparable` is what the new side alone has, or what was made in another way."""


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
    yardstick: str = baseline.NAME
    metric: str = str(QUALITY["metric"])
    k: int = int(QUALITY["k"])
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
        change: relative, of what both sides come to.
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

    @property
    def sides(self) -> tuple[float | None, float | None]:
        """Give what each side's numbers come to: a cost's median, a quality's mean."""
        middle = over_seeds if self.kind == "quality" else over_runs
        base, new = (middle(side) if side else None for side in (self.base, self.new))
        return base, new


def blank(pair: Pair, rule: Rule) -> Verdict:
    """Write what is known of a pair before it is judged."""
    units = {"time": f"x {rule.yardstick}" if rule.yardstick else "s", "memory": "B", "quality": "1", "": ""}
    base, new = (
        tuple(frame["value"].drop_nulls().to_list() if frame is not None else ()) for frame in (pair.base, pair.new)
    )
    return Verdict("incomparable", pair.cell, pair.kind, units[pair.kind], base, new, note=pair.note)


def leave(verdicts: Sequence[Verdict], strict: bool) -> None:
    """Leave by the worst verdict, with the exit code of its error; return where all is well.

    Args:
        strict: whether what is inconclusive, what is gone from the new side too, is not accepted.

    Raises:
        RegressionError: a number became worse.
        NothingMeasuredError: no number could be compared.
        InconclusiveError: one was inconclusive, and that is not accepted.
    """
    counts = Counter(one.verdict for one in verdicts)
    if worse := counts["regression"]:
        raise RegressionError(f"{worse} became worse; mend it, or make NEW the next BASE if it is meant.")
    if strict and (unclear := counts["inconclusive"]):
        raise InconclusiveError(f"{unclear} inconclusive; measure more runs, or on a quieter machine.")
    if all(one.verdict == "incomparable" or not (one.base and one.new) for one in verdicts):
        reasons = list(dict.fromkeys(one.note for one in verdicts))
        why = f": {(reasons or ['neither side has a number'])[0]}" if len(reasons) < 2 else "; the notes say why"
        raise NothingMeasuredError(f"nothing could be compared{why}.")
