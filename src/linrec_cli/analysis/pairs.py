"""Cells of two tables side by side: what may be compared with what, and why something may not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli import catalog
from linrec_cli.analysis.difference import HOW, Keys, Setups, difference, differing
from linrec_cli.analysis.failures import failures, reasons
from linrec_cli.analysis.reading import NEEDED, read

Side = dict[Keys, dict[Keys, pl.DataFrame]]
"""The numbers of a table: by what was measured, then by how."""

WHAT = ("command", "model", "attention", "options", "form", "width", "heads", "layers", "maxlen", "tokens", "phase",
        "stage", "metric", "k")  # fmt: skip
"""What makes a cell."""
CELL = ("dataset", *WHAT, *HOW)
"""What is known of a cell; the same data may have two names."""
NUMBER = ("stage", "metric", "k")
"""What tells the numbers of a cell apart."""
PLACE = tuple(name for name in WHAT if name not in NUMBER)
KEPT = (*PLACE, "data_digest")
"""What a cell and one that failed are known by."""
OWN = ("attention", "options", "form")
"""What the yardstick need not share with a mechanism."""
COUNTED = {"saved_bytes": "saved", "state_bytes": "state"}
"""Bytes that are counted, not measured, and what they are called in short."""
TIMES = {"seconds": "time", "wall_seconds": "wall time"}
"""Times of a profile, and what they are called in short."""
OF_VALIDATION = {"validation_peak_bytes": "validation memory", "validation_seconds": "validation time"}
"""What a training's validation costs, and what that is called in short."""
PEAKS = ("peak_bytes", "validation_peak_bytes")
"""Memory that is measured."""
EPOCHS = ("seconds_per_epoch", "validation_seconds")
"""Times of a training, whose samples are its epochs."""
GONE = "not in NEW"
"""What is said of a number that the base has and the new side lacks."""


@dataclass(frozen=True)
class Pair:
    """A cell's numbers on both sides.

    Attributes:
        cell: what was measured, and how, under `CELL`.
        kind: `time`, `memory` or `quality`; empty where neither side has a number.
        base: its rows, a number a row in `value`; `None` where there are none.
        new: the same of the other side.
        comparable: whether both have numbers, made in the same way or forced.
        note: what is wrong with it.
        lost: whether the base has numbers and the new side none.
    """

    cell: dict[str, Any]
    kind: str
    base: pl.DataFrame | None
    new: pl.DataFrame | None
    comparable: bool
    note: str = ""
    lost: bool = False


def pairs(
    base: pl.DataFrame, new: pl.DataFrame, *, yardstick: str, quantile: float, score: tuple[str, int], force: bool,
    setups: Setups,
) -> Iterator[Pair]:  # fmt: skip
    """Pair the cells of two tables; every cell that either has comes once.

    Args:
        base: a table of the schema.
        new: another.
        yardstick: the mechanism whose time beside it, in the same turn of the same run, is the unit; empty: seconds.
        quantile: of a run's samples, what its time is.
        score: the metric of quality and its `k`.
        force: pair also what was made in another way.
        setups: the settings behind a setup's digest, as far as they are known.

    Raises:
        UsageError: nothing in either table was timed under the yardstick's name, or no mechanism has it.
    """
    tables = [told_by_data(table) for table in (base, new)]
    rows = [numbered(table, quantile) for table in tables]
    measured_by(yardstick, rows)
    left, right = (numbers(side, yardstick, score) for side in rows)
    bad, there = [failures(table, KEPT, score) for table in tables], set()
    for what in dict.fromkeys([*left, *right]):
        for pair in matched(left.get(what, {}), right.get(what, {})):
            # What failed whole, and what failed to give this number.
            failing = [(place(what, how), (*place(what, how)[:-1], what[WHAT.index("metric")])) for how in pair[:2]]
            there |= {key for keys in failing for key in keys}
            why = [
                next((side[key] for key in keys if key in side), "") for side, keys in zip(bad, failing, strict=True)
            ]
            yield explained(what, *pair, why, force=force, yardstick=yardstick, setups=setups)
    for key in dict.fromkeys([*bad[0], *bad[1]]):
        if key not in there:
            cell = dict.fromkeys(CELL) | dict(zip(KEPT, key, strict=False))
            of = {"stage": "test", "metric": key[-1], "k": score[1]} if key[-1] else {}
            kind = "quality" if of else ""
            yield Pair(cell | of, kind, None, None, False, reasons([side.get(key, "") for side in bad]))


def measured_by(yardstick: str, sides: Sequence[pl.DataFrame]) -> None:
    """Make sure that the yardstick was timed where anything was.

    Raises:
        UsageError: it was not, or nothing was and no mechanism has its name.
    """
    timed = {name for side in sides for name in side.filter(command="profile", metric="seconds")["mechanism"]}
    known = timed or {yardstick.partition(":")[0]} & {*catalog.names("attentions")}
    if yardstick and yardstick not in timed and (timed or not known):
        raise catalog.unknown("yardstick", yardstick, [*sorted(timed or catalog.names("attentions")), "none"])


def told_by_data(table: pl.DataFrame) -> pl.DataFrame:
    """Read a table; its data are known by their digest, and by their name only where they have none."""
    return read(table).with_columns(data_digest=pl.coalesce("data_digest", "dataset"))


def place(what: Keys, how: Keys) -> Keys:
    """Say which cell a number is of, as `failures` does: of what and of which data, whatever the number."""
    cell = dict(zip((*WHAT, *HOW), (*what, *how), strict=True))
    return (*(cell[name] for name in KEPT), "")


def numbered(table: pl.DataFrame, quantile: float) -> pl.DataFrame:
    """Take the rows that have a number, of times a quantile of the samples."""
    timed = pl.col("metric").is_in([*TIMES, *EPOCHS])
    fast = pl.when(timed).then(pl.col("samples").list.eval(pl.element().quantile(quantile, "linear")).list.first())
    return table.filter(status="ok").with_columns(value=pl.coalesce(fast, "value"))


def numbers(rows: pl.DataFrame, yardstick: str, score: tuple[str, int]) -> Side:
    """Take the numbers that are compared out of a table."""
    counted, needed = pl.col("metric").is_in(COUNTED), pl.col("counter").is_in(NEEDED)
    kinds = {
        "time": times(rows, yardstick),
        "memory": rows.filter(counted | (pl.col("metric").is_in(PEAKS) & needed)),
        "quality": rows.filter(stage="test", metric=score[0], k=score[1]),
    }
    found: Side = {}
    for kind, part in kinds.items():
        for keys, group in part.with_columns(kind=pl.lit(kind)).group_by(*WHAT, *HOW, maintain_order=True):
            found.setdefault(keys[: len(WHAT)], {})[keys[len(WHAT) :]] = group
    return found


def times(rows: pl.DataFrame, yardstick: str) -> pl.DataFrame:
    """Take the times: in seconds, or as multiples of the yardstick's beside them, null where there is none.

    Trainings take no turns, so that their seconds are times only where seconds are compared.
    """
    profiled = rows.filter(pl.col("metric").is_in([*TIMES]), command="profile")
    if not yardstick:
        return pl.concat([profiled, rows.filter(pl.col("metric").is_in(EPOCHS))])
    turn = pl.int_range(pl.len()).over("run", *WHAT, *HOW)
    profiled = profiled.sort("run", "process", maintain_order=True).with_columns(turn=turn)
    beside = ["run", "turn", *(name for name in (*WHAT, *HOW) if name not in OWN)]
    # Of a mechanism with several ways to do the same, `stage` names the way; the yardstick may have one alone.
    either = [name for name in beside if name != "stage"]
    ruler = profiled.filter(mechanism=yardstick).sort("stage", maintain_order=True)
    mine = profiled.filter(pl.col("mechanism") != yardstick)
    for name, keys in (("same", beside), ("other", either)):
        unit = ruler.unique(keys, keep="last").select(*keys, pl.col("value").alias(name))
        mine = mine.join(unit, on=keys, how="left", nulls_equal=True)
    return mine.with_columns(pl.col("value") / pl.coalesce("same", "other")).drop("turn", "same", "other")


Match = tuple[Keys, Keys, pl.DataFrame | None, pl.DataFrame | None]
"""How a number was made on both sides, the other's where one has none, and its rows."""


def matched(left: Mapping[Keys, pl.DataFrame], right: Mapping[Keys, pl.DataFrame]) -> Iterator[Match]:
    """Match what was made in the same way; of what is left over, what was made in the most similar way.

    Two numbers are similar only if their data have the same name; whatever finds no other comes alone.
    """
    for how in left:
        if how in right:
            yield how, how, left[how], right[how]
    alone, others = left_over(left, right), left_over(right, left)
    while found := nearest([(a, b) for a in alone for b in others if named(left[a]) == named(right[b])]):
        yield *found, left[found[0]], right[found[1]]
        alone.remove(found[0])
        others.remove(found[1])
    yield from ((how, how, left[how], None) for how in alone)
    yield from ((how, how, None, right[how]) for how in others)


def left_over(mine: Mapping[Keys, pl.DataFrame], its: Mapping[Keys, pl.DataFrame]) -> list[Keys]:
    """List how numbers were made that the other side has none of, the latest first."""
    alone = [how for how in mine if how not in its]
    return sorted(alone, key=lambda how: str(mine[how]["created"].max()), reverse=True)


def named(rows: pl.DataFrame) -> str | None:
    """Give the name of the data that numbers are of."""
    name: str | None = rows["dataset"][0]
    return name


def nearest(couples: Sequence[tuple[Keys, Keys]]) -> tuple[Keys, Keys] | None:
    """Choose the couple that differs in the fewest columns, of several the first."""
    return min(couples, key=lambda couple: len(differing(*couple)), default=None)


def explained(
    what: Keys, ours: Keys, theirs: Keys, base: pl.DataFrame | None, new: pl.DataFrame | None, why: list[str], *,
    force: bool, yardstick: str, setups: Setups,
) -> Pair:  # fmt: skip
    """Make a pair, and say what is wrong with it; `why` is what failed on each side."""
    there = [frame for frame in (base, new) if frame is not None]
    cell = {"dataset": named(there[-1])} | dict(
        zip((*WHAT, *HOW), (*what, *(ours if new is None else theirs)), strict=True)
    )
    kind, said, note = there[0]["kind"][0], reasons(why), difference(ours, theirs, setups=setups)
    if len(there) == 1:
        text = said or ("not in BASE" if base is None else GONE)
        return Pair(cell, kind, base, new, False, text, lost=new is None)
    blind = [frame["value"].null_count() == len(frame) for frame in there]
    if any(blind):
        text = f"no {yardstick} timed beside it; --yardstick none compares seconds"
        return Pair(cell, kind, base, new, False, text, lost=blind == [False, True])
    refused = bool(note) and not force
    text = "; ".join(filter(None, (note, "--force compares all the same" if refused else "", said)))
    return Pair(cell, kind, base, new, not refused, text)
