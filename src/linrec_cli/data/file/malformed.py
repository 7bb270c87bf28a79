"""Rows that lack a user, an item or a time: refused with their lines, or left out and counted."""

from pathlib import Path

import polars as pl

from linrec_cli.data.file import times
from linrec_cli.data.file.delimited import Content
from linrec_cli.data.file.record_by_record import Fault
from linrec_cli.errors import DataError

SHOWN = 3


def without(content: Content, path: Path, skip_bad: bool) -> tuple[pl.DataFrame, int]:
    """Read the times and take out what is malformed.

    Returns:
        The sound rows, and how many others there were.

    Raises:
        DataError: there are others, and `skip_bad` is off; the message shows the first ones.
    """
    frame, faults = content.frame, list(content.faults)
    lacking = {"no user": _missing(frame["user"]), "no item": _missing(frame["item"])}
    if "time" in frame.columns:
        given = frame["time"]
        frame = frame.with_columns(times.whole(given).alias("time"))
        lacking["no time"] = frame["time"].is_null()
    bad = pl.select(pl.any_horizontal(list(lacking.values()))).to_series()
    count = len(faults) + int(bad.sum())
    if count and not skip_bad:
        for reason, mask in lacking.items():
            for row in mask.arg_true().head(SHOWN):
                told = _no_time(given[row]) if reason == "no time" else reason
                faults.append((frame["line"][row], told))
        raise DataError(_complaint(path, faults, count, frame.height + len(content.faults)))
    return (frame.filter(~bad), count) if count else (frame, 0)


def _missing(ids: pl.Series) -> pl.Series:
    """Find ids that are null or blank; only distinct ones are looked at as strings."""
    if ids.dtype != pl.Categorical:
        return ids.is_null()
    distinct = ids.unique().drop_nulls()
    blank = distinct.filter(distinct.cast(pl.String).str.strip_chars() == "")
    return ids.is_null() | ids.is_in(blank.implode()).fill_null(False) if len(blank) else ids.is_null()


def _no_time(value: object) -> str:
    text = "" if value is None else str(value).strip()
    return f"{text[:40]!r} is no time" if text else "no time"


def _complaint(path: Path, faults: list[Fault], count: int, rows: int) -> str:
    """Write the error: how many, the first ones, what to do."""
    reasons: dict[int, str] = {}
    for line, reason in sorted(faults, key=lambda fault: fault[0]):
        # A row that lacks two things is told by the first.
        reasons.setdefault(line, reason)
    shown = list(reasons.items())[:SHOWN]
    unit = "row" if path.suffix.lower() in (".parquet", ".pq") else "line"
    listed = "; ".join(f"{unit} {line}: {reason}" for line, reason in shown)
    more = f"; and {count - len(shown):,} more" if count > len(shown) else ""
    are, them = ("is", "it") if count == 1 else ("are", "them")
    return (
        f"{path}: {count:,} of {rows:,} rows {are} malformed ({listed}{more}); mend {them}, or leave {them} "
        "out by --skip-bad."
    )
