"""Cells of two tables side by side: what may be compared with what, and why something may not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli import catalog

Keys = tuple[Any, ...]
Side = dict[Keys, dict[Keys, pl.DataFrame]]
"""The numbers of a table: by what was measured, then by how."""

WHAT = ("command", "dataset", "model", "attention", "options", "form", "width", "heads", "layers", "maxlen", "tokens",
        "phase", "stage", "metric", "k")  # fmt: skip
"""What makes a cell."""
HOW = ("device", "dtype", "threads", "torch", "benchmark", "data_digest", "split", "protocol", "seen", "ties", "setup")
"""What must be the same for two numbers of a cell to be compared."""
NUMBER = ("stage", "metric", "k")
"""What tells the numbers of a cell apart."""
PLACE = tuple(name for name in WHAT if name not in NUMBER)
OWN = ("attention", "options", "form")
"""What the yardstick need not share with a mechanism."""
NEEDED = ("train", "rss", "allocated")
"""The counters of `peak_bytes` that say what the algorithm needs."""
COUNTED = {"saved_bytes": "saved", "state_bytes": "state"}
"""Bytes that are counted, not measured, and what they are called in short."""
LIVE = ("seconds", "peak_bytes", "run")
"""Metrics whose failure means that the cell itself could not be run."""
WORDS = {"threads": "thread count", "benchmark": "benchmark version", "data_digest": "data", "setup": "settings"}


@dataclass(frozen=True)
class Pair:
    """A cell's numbers on both sides.

    Attributes:
        cell: what was measured, and how.
        kind: `time`, `memory` or `quality`; empty where neither side has a number.
        base: its rows, a number a row in `value`; `None` where there are none.
        new: the same of the other side.
        comparable: whether both have numbers, made in the same way or forced.
        note: what is wrong with it.
        lost: whether the new side tried and failed where the base has numbers.
    """

    cell: dict[str, Any]
    kind: str
    base: pl.DataFrame | None
    new: pl.DataFrame | None
    comparable: bool
    note: str = ""
    lost: bool = False


def pairs(
    base: pl.DataFrame, new: pl.DataFrame, *, yardstick: str, quantile: float, score: tuple[str, int], force: bool
) -> Iterator[Pair]:
    """Pair the cells of two tables; every cell that either has comes once.

    Args:
        base: a table of the schema.
        new: another.
        yardstick: the mechanism whose time beside it, in the same turn of the same run, is the unit; empty: seconds.
        quantile: of a run's samples, what its time is.
        score: the metric of quality and its `k`.
        force: pair also what was made in another way.

    Raises:
        UsageError: nothing in either table was timed under the yardstick's name.
    """
    rows = [named(table, quantile) for table in (base, new)]
    known = {name for side in rows for name in side.filter(command="profile", metric="seconds")["mechanism"]}
    if yardstick and known and yardstick not in known:
        raise catalog.unknown("yardstick", yardstick, [*sorted(known), "none"])
    left, right = (numbers(side, yardstick, score) for side in rows)
    failures = [failed(table) for table in (base, new)]
    places = {place(what) for what in (*left, *right)}
    for what in dict.fromkeys([*left, *right]):
        for how, ours, theirs, note in matched(left.get(what, {}), right.get(what, {})):
            cell = dict(zip((*WHAT, *HOW), (*what, *how), strict=True))
            why = [side.get(place(what), "") for side in failures]
            yield explained(cell, ours, theirs, why, note, force=force, yardstick=yardstick)
    for key in dict.fromkeys([*failures[0], *failures[1]]):
        if key not in places:
            cell = dict.fromkeys((*WHAT, *HOW)) | dict(zip(PLACE, key, strict=True))
            yield Pair(cell, "", None, None, False, reasons([side.get(key, "") for side in failures]))


def place(what: Keys) -> Keys:
    """Leave out what tells the numbers of a cell apart."""
    return tuple(key for name, key in zip(WHAT, what, strict=True) if name not in NUMBER)


def named(table: pl.DataFrame, quantile: float) -> pl.DataFrame:
    """Take the rows that have a number, of times a quantile of the samples, with the mechanism as it is asked for."""
    given = pl.when(pl.col("options").fill_null("") != "").then(pl.format(":{}", "options")).otherwise(pl.lit(""))
    timed = pl.col("metric").is_in(["seconds", "seconds_per_epoch"])
    fast = pl.when(timed).then(pl.col("samples").list.eval(pl.element().quantile(quantile, "linear")).list.first())
    return table.filter(status="ok").with_columns(
        mechanism=pl.col("attention") + given, value=pl.coalesce(fast, "value")
    )


def numbers(rows: pl.DataFrame, yardstick: str, score: tuple[str, int]) -> Side:
    """Take the numbers that are compared out of a table."""
    # Of a cell with several ways to do the same, the stage is `way.counter`.
    counter = pl.col("stage").str.split(".").list.last()
    counted, needed = pl.col("metric").is_in(COUNTED), counter.is_in(NEEDED)
    parts = {
        "time": times(rows, yardstick),
        "memory": rows.filter(counted | ((pl.col("metric") == "peak_bytes") & needed)),
        "quality": rows.filter(stage="test", metric=score[0], k=score[1]),
    }
    found: Side = {}
    for kind, part in parts.items():
        for keys, group in part.with_columns(kind=pl.lit(kind)).group_by(*WHAT, *HOW, maintain_order=True):
            found.setdefault(keys[: len(WHAT)], {})[keys[len(WHAT) :]] = group
    return found


def times(rows: pl.DataFrame, yardstick: str) -> pl.DataFrame:
    """Take the times: in seconds, or as multiples of the yardstick's beside them, null where there is none.

    Trainings take no turns, so that their seconds are times only where seconds are compared.
    """
    profiled = rows.filter(command="profile", metric="seconds")
    if not yardstick:
        return pl.concat([profiled, rows.filter(metric="seconds_per_epoch")])
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


def failed(table: pl.DataFrame) -> dict[Keys, str]:
    """List the cells of which a run failed, and why the first one did."""
    rows = table.filter((pl.col("status") != "ok") & pl.col("metric").is_in(LIVE))
    why = pl.format("{}, {}", pl.col("status").cast(pl.String), pl.col("note").fill_null("no reason given"))
    found = rows.group_by(*PLACE, maintain_order=True).agg(why.first())
    return {row[:-1]: row[-1] for row in found.rows()}


def matched(
    left: Mapping[Keys, pl.DataFrame], right: Mapping[Keys, pl.DataFrame]
) -> Iterator[tuple[Keys, pl.DataFrame | None, pl.DataFrame | None, str]]:
    """Match what was made in the same way; of what is left over on both sides, the latest, with a note what differs."""
    for how in left:
        if how in right:
            yield how, left[how], right[how], ""
    alone = {how: frame for how, frame in left.items() if how not in right}
    others = {how: frame for how, frame in right.items() if how not in left}
    if alone and others:
        ours, theirs = (max(side, key=lambda how: str(side[how]["created"].max())) for side in (alone, others))
        yield theirs, alone[ours], others[theirs], difference(ours, theirs)
        return
    yield from ((how, frame, None, "") for how, frame in alone.items())
    yield from ((how, None, frame, "") for how, frame in others.items())


def difference(ours: Keys, theirs: Keys) -> str:
    """Say what differs in how two numbers were made."""
    other = {name: f" ({a} against {b})" for name, a, b in zip(HOW, ours, theirs, strict=True) if a != b}
    if "setup" in other:
        # A digest of all settings, which changes with some of the others and tells nobody anything.
        other = {name: values for name, values in other.items() if name != "setup"} or {"setup": ""}
    return "another " + ", ".join(WORDS.get(name, name) + values for name, values in other.items())


def explained(
    cell: dict[str, Any], ours: pl.DataFrame | None, theirs: pl.DataFrame | None, why: list[str], note: str, *,
    force: bool, yardstick: str,
) -> Pair:  # fmt: skip
    """Make a pair, and say what is wrong with it; `why` is what failed on each side, `note` how they were made."""
    there = [frame for frame in (ours, theirs) if frame is not None]
    kind, said = there[0]["kind"][0], reasons(why)
    blind = [frame is not None and frame["value"].null_count() == len(frame) for frame in (ours, theirs)]
    if any(blind):
        text = f"no {yardstick} timed beside it; --yardstick none compares seconds"
        return Pair(cell, kind, ours, theirs, False, text, ours is not None and blind == [False, True])
    if len(there) == 1:
        text = said or f"not in {'BASE' if ours is None else 'NEW'}"
        return Pair(cell, kind, ours, theirs, False, text, theirs is None and bool(why[1]))
    refused = bool(note) and not force
    text = "; ".join(filter(None, (note, "--force compares all the same" if refused else "", said)))
    return Pair(cell, kind, ours, theirs, not refused, text)


def reasons(why: list[str]) -> str:
    """Say which side's run failed, and why."""
    return "; ".join(f"{side}: {reason}" for side, reason in zip(("BASE", "NEW"), why, strict=True) if reason)
