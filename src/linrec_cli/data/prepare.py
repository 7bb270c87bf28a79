"""Events as a tool reads them, filtered, numbered and ordered: the one form everything else works on.

A frame of one's own needs no file: `prepare(pl.DataFrame({"user": ..., "item": ..., "time": ...}))`.
"""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from linrec_cli.data import card, number, repeats
from linrec_cli.data.file import times
from linrec_cli.errors import DataError, UsageError

Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready to be split.

    Attributes:
        events: `user`, `item` (from 1; 0 is padding) and `time`, by user, then time, then place in the file; of what
            comes split also `part`, by which the events of a user are ordered first.
        users: `user`, `raw` (the id in the file), `length`.
        items: `item`, `raw`, `title` (null where there is none), `count`, and features as lists of strings.
        digest: what the items in their order and the users' borders hash to.
        card: the facts that `linrec preprocess` shows.
        name: what to call it; empty if it never was on disk.
        folder: where it is kept.
        anew: made by this process, whose memory holds more than is in use, for a while.
    """

    events: pl.DataFrame
    users: pl.DataFrame
    items: pl.DataFrame
    digest: str
    card: dict[str, Any]
    name: str = ""
    folder: Path | None = None
    anew: bool = dataclasses.field(default=False, compare=False)


def prepare(
    events: pl.DataFrame | pl.LazyFrame,
    min_user: int = 5,
    min_item: int = 5,
    items: pl.DataFrame | pl.LazyFrame | None = None,
    duplicates: str = "keep",
) -> Prepared:
    """Filter, number and order events.

    Args:
        events: `user` and `item` (integers or strings) and `time` (numbers or date-times); without `time`, or where
            all of it is null, the order of the rows is the order of time. With `part` (0 train, 1 valid, 2 test)
            nothing is filtered. Other columns are left.
        min_user: a user with fewer events is dropped, and so on until nobody is; 0 or 1 keeps all.
        min_item: the same for items.
        items: `item` (as in `events`), `title` and any columns of lists of strings, which are features.
        duplicates: `keep` all; `drop` events of one user with the same item and time, but for the first; or
            `consecutive`: of the same item directly after one another keep the first. That is done before the filter.

    Raises:
        UsageError: a minimum is negative, or duplicates are to be dropped and nothing has a time.
        DataError: there is no column of users or items, a row lacks a user, an item or a time, or no row is left.
    """
    if min(min_user, min_item) < 0:
        raise UsageError("a user or an item cannot have fewer than 0 events; give a minimum of 0 or more.")
    if "part" in (events := events.lazy()).collect_schema():
        return split_already(events, items, duplicates)
    user, item, time, raw_users, raw_items, timed = _collect(events)
    read = len(user)
    if duplicates != "keep" and read:
        user, item, time = repeats.without(order(user, item, time), duplicates, timed)
    repeated = read - len(user)
    keep = k_core(user, item, min_user, min_item)
    user, item, time = (user, item, time) if keep is None else (user[keep], item[keep], time[keep])
    if not len(user):
        raise DataError(_nothing(read, min_user, min_item))
    facts = _kept(min_user, min_item, read, len(user), repeated, duplicates)
    (user, users_left), (item, items_left) = _close_gaps(user, raw_users), _close_gaps(item, raw_items)
    facts |= {"users_dropped": len(raw_users) - len(users_left), "items_dropped": len(raw_items) - len(items_left)}
    return _made(order(user, item, time), users_left, items_left, items, timed, facts)


def split_already(events: pl.LazyFrame, items: pl.DataFrame | pl.LazyFrame | None, duplicates: str) -> Prepared:
    """Number and order events that come in parts, `part`: none is dropped, and no part moves before an earlier one.

    Raises:
        UsageError: duplicates are to be dropped.
        DataError: a row is of no part.
    """
    if duplicates != "keep":
        raise UsageError("--duplicates does not fit files that are split already: they are kept as they are.")
    user, item, time, raw_users, raw_items, timed = _collect(events)
    part = events.select("part").collect()["part"]
    if not part.dtype.is_integer() or part.null_count() or not part.is_between(0, 2).all():
        raise DataError("a part is 0 for training, 1 for validation or 2 for test; let each row have one of them.")
    part = part.cast(pl.UInt8)
    frame = pl.DataFrame({"user": user + np.uint32(1), "item": item + np.uint32(1), "time": time, "part": part})
    frame = frame.sort(["user", "part", "time"], maintain_order=True)
    facts = _kept(0, 0, len(user), len(user), 0, duplicates)
    back = (frame["user"] == frame["user"].shift()) & (frame["time"] < frame["time"].shift())
    facts["parts_against_time"] = int(back.sum())
    return _made(frame, raw_users, raw_items, items, timed, facts)


def _kept(min_user: int, min_item: int, read: int, left: int, repeated: int, rule: str) -> dict[str, Any]:
    """Say what was kept of how many rows."""
    minima = {"min_user": min_user, "min_item": min_item, "rows_read": read, "rows_dropped": read - left}
    return minima | {"duplicates_removed": repeated, "duplicates_rule": rule}


def _made(
    frame: pl.DataFrame,
    raw_users: pl.Series,
    raw_items: pl.Series,
    items: pl.DataFrame | pl.LazyFrame | None,
    timed: bool,
    facts: dict[str, Any],
) -> Prepared:
    """Describe ordered events."""
    lengths = np.bincount(frame["user"].to_numpy())[1:]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    users = _table("user", raw_users).with_columns(length=pl.Series(lengths, dtype=pl.UInt32))
    counts = np.bincount(frame["item"].to_numpy())[1:]
    table = _table("item", raw_items).with_columns(count=pl.Series(counts, dtype=pl.UInt32))
    facts = card.describe(frame, offsets, timed=timed) | facts
    parts = frame["part"] if "part" in frame.columns else None
    return Prepared(frame, users, _described(table, items), digest(frame["item"], offsets, parts), facts)


def k_core(user: number.Codes, item: number.Codes, min_user: int, min_item: int) -> npt.NDArray[np.int64] | None:
    """Find the rows that stay when users and items with too few events are dropped until none has too few.

    Returns:
        Their positions, ascending; none at all where every row stays.
    """
    rows: npt.NDArray[np.int64] | None = None
    while True:
        keep = _frequent(user, min_user) & _frequent(item, min_item)
        if keep.all():
            return rows
        rows = np.flatnonzero(keep) if rows is None else rows[keep]
        user, item = user[keep], item[keep]


def _frequent(codes: number.Codes, minimum: int) -> Mask:
    if minimum <= 1:
        return np.ones(len(codes), np.bool_)
    return (np.bincount(codes) >= minimum)[codes]


def order(user: number.Codes, item: number.Codes, time: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Sort by user, then time, then place; ids move up by one, because 0 is padding.

    User and time make one 64-bit key and come out of it again: to sort by it takes a fraction of the time
    that it takes to sort by two columns.
    """
    lowest = int(time.min())
    bits = (int(time.max()) - lowest).bit_length()
    distinct = None
    if bits + int(user.max()).bit_length() <= 64:
        # Unsigned arithmetic wraps around, so the difference is right even where it exceeds an int64.
        moment = time.view(np.uint64) - np.uint64(lowest % 2**64)
    else:
        codes, distinct = number.number(pl.Series("time", time))
        moment, bits = codes.astype(np.uint64), 32
    key = (user.astype(np.uint64) << np.uint64(bits)) | moment
    frame = pl.DataFrame({"key": key, "item": item}).sort("key", maintain_order=True)
    key = frame["key"].to_numpy()
    within = key & np.uint64((1 << bits) - 1)
    times = within + np.uint64(lowest % 2**64) if distinct is None else distinct.to_numpy()[within]
    users = np.repeat(np.arange(1, int(user.max()) + 2, dtype=np.uint32), np.bincount(user))
    return pl.DataFrame({"user": users, "item": frame["item"] + 1, "time": times.view(np.int64)})


def digest(items: pl.Series, offsets: npt.NDArray[np.int64], parts: pl.Series | None = None) -> str:
    """Name the content: 16 hex digits of SHA-256 over items and offsets, and over the parts of what comes split.

    Items are little-endian int32, offsets little-endian int64 from 0 to the number of events, parts bytes.
    """
    content = hashlib.sha256(items.to_numpy().astype("<i4").tobytes())
    content.update(offsets.astype("<i8").tobytes())
    if parts is not None:
        content.update(parts.to_numpy().astype("u1").tobytes())
    return content.hexdigest()[:16]


def _collect(
    events: pl.LazyFrame,
) -> tuple[number.Codes, number.Codes, npt.NDArray[np.int64], pl.Series, pl.Series, bool]:
    """Read the columns into numbers; strings become codes while they are read."""
    schema = events.collect_schema()
    if lacking := [name for name in ("user", "item") if name not in schema]:
        raise DataError(f"the events have no column {' and no '.join(lacking)}; name the columns user, item and time.")
    strings = [name for name in ("user", "item") if schema[name] == pl.String]
    wanted = [name for name in ("user", "item", "time") if name in schema]
    frame = events.select(wanted).with_columns(pl.col(strings).cast(pl.Categorical)).collect(engine="streaming")
    timed = "time" in wanted and frame["time"].null_count() < max(frame.height, 1)
    time = _whole_times(frame["time"]) if timed else np.arange(frame.height)
    user, raw_users = number.number(frame["user"])
    item, raw_items = number.number(frame["item"])
    return user, item, time, raw_users, raw_items, timed


def _whole_times(time: pl.Series) -> npt.NDArray[np.int64]:
    if time.dtype.is_float() or time.dtype == pl.String:
        time = times.whole(time)
    if time.null_count():
        raise DataError(f"{time.null_count()} rows have no time; drop them first.")
    if not (time.dtype.is_integer() or time.dtype.is_temporal()):
        raise DataError(f"times are of type {time.dtype}; give integers or date-times.")
    return time.to_physical().cast(pl.Int64).to_numpy()


def _close_gaps(codes: number.Codes, raw: pl.Series) -> tuple[number.Codes, pl.Series]:
    """Number anew what filtering left over."""
    left = np.bincount(codes, minlength=len(raw)) > 0
    if left.all():
        return codes, raw
    return (np.cumsum(left, dtype=np.uint32) - np.uint32(1))[codes], raw.filter(pl.Series(left))


def _table(name: str, raw: pl.Series) -> pl.DataFrame:
    numbers = pl.Series(name, np.arange(1, len(raw) + 1, dtype=np.uint32))
    return pl.DataFrame([numbers, raw.alias("raw")])


def _described(items: pl.DataFrame, told: pl.DataFrame | pl.LazyFrame | None) -> pl.DataFrame:
    """Put titles and features beside the items; nothing where none are told."""
    if told is None:
        told = pl.LazyFrame(schema={"item": items["raw"].dtype, "title": pl.String})
    schema = told.lazy().collect_schema()
    features = [name for name, kind in schema.items() if kind == pl.List(pl.String)]
    title = pl.col("title").cast(pl.String) if "title" in schema else pl.lit(None, pl.String).alias("title")
    known = told.lazy().select(pl.col("item").cast(items["raw"].dtype).alias("raw"), title, *features)
    found = items.join(known.unique("raw", keep="first").collect(), on="raw", how="left", maintain_order="left")
    return found.select("item", "raw", "title", "count", *features)


def _nothing(read: int, min_user: int, min_item: int) -> str:
    if not read:
        return "there are no events; give a file that has some."
    return f"none of {read:,} events is left at --min-user {min_user} --min-item {min_item}; lower them."
