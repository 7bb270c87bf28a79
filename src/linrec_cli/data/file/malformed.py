"""Rows that lack a user, an item or a time: refused with their lines, or left out and counted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli.data.file import ids, times
from linrec_cli.data.file.delimited import Content
from linrec_cli.data.file.record_by_record import Fault
from linrec_cli.errors import DataError
from linrec_cli.names import several

SHOWN = 3
FILE = 1 << 32
"""Lines of several files are told apart by multiples of it."""
WIDE = 40


def placed(number: int) -> pl.Expr:
    """Number the lines of one of several files so that they tell the file too."""
    return pl.col("line").cast(pl.Int64) + FILE * number


def without(
    content: Content, shown: str, skip_bad: bool, form: str, paths: Sequence[Path]
) -> tuple[pl.DataFrame, list[str]]:
    """Read ids and times and take out what is malformed.

    Args:
        shown: the files as they were given.
        form: of the times.
        paths: of the files.

    Returns:
        The sound rows, and what there is to say of the others.

    Raises:
        DataError: there are others, and `skip_bad` is off; or they are all; the message shows the first ones.
    """
    frame, faults = content.frame, list(content.faults)
    raw = {role: frame[role] for role in ("user", "item")}
    if "time" in frame.columns:
        clock = frame["clock"] if "clock" in frame.columns else None
        raw["time"] = frame["time"] if clock is None else times.joined(frame["time"], clock)
    read = {role: ids.read(raw[role], shown).alias(role) for role in ("user", "item")}
    if "time" in raw:
        read["time"] = whole(raw["time"], shown, form)
    lacking = {role: column.is_null() for role, column in read.items()}
    bad = pl.select(pl.any_horizontal(list(lacking.values()))).to_series()
    count = len(faults) + int(bad.sum())
    rows = len(frame) + len(content.faults)
    for role, mask in lacking.items():
        if len(frame) and mask.all():
            raise DataError(none_read(shown, role, raw[role]))
    if count and not skip_bad:
        for role, mask in lacking.items():
            faults += [(frame["line"][row], why(role, raw[role][row])) for row in mask.arg_true().head(SHOWN)]
        raise DataError(complaint(shown, faults, count, rows, paths))
    made = pl.DataFrame([*read.values(), *(frame[name] for name in ("part",) if name in frame.columns)])
    notes = doubts(raw["time"], read["time"]) if "time" in raw else []
    return (made.filter(~bad), [*notes, skipped(count, lacking)]) if count else (made, notes)


def doubts(raw: pl.Series, read: pl.Series) -> list[str]:
    """Say what is doubtful about times that were read."""
    notes = []
    if short := times.rounded(raw):
        are = f"{several(short, 'time')} {'is' if short == 1 else 'are'}"
        notes.append(f"{are} rounded, as 1.5E+09 is: what lies closer together stays in the file's order")
    if unknown := times.zeros(read):
        are = f"{several(unknown, 'time')} {'is' if unknown == 1 else 'are'}"
        notes.append(f"{are} 0, and so the oldest; leave their rows out if nobody knows when they were")
    return notes


def skipped(count: int, lacking: Mapping[str, pl.Series]) -> str:
    """Say how many rows were left out, and what they lacked."""
    numbers = {role: int(mask.sum()) for role, mask in lacking.items()}
    told = ", ".join(f"{number:,} without {role}" for role, number in numbers.items() if number)
    return f"{several(count, 'malformed row')} skipped" + (f" ({told})" if told else "")


def whole(raw: pl.Series, shown: str, form: str) -> pl.Series:
    """Read times; the error says of which file."""
    try:
        return times.whole(raw, form).alias("time")
    except DataError as error:
        raise DataError(f"{shown}: {error}") from None


def none_read(shown: str, role: str, raw: pl.Series) -> str:
    """Say that not one value of a column is read, and show some."""
    there = (str(value)[:WIDE] for value in raw.drop_nulls().unique(maintain_order=True).head(100 * SHOWN))
    some = ", ".join(map(repr, list(filter(str.strip, there))[:SHOWN]))
    if role == "time" and some:
        return (
            f"{shown}: not one of the times is read ({some}); give their pattern by --time-format, or another --time."
        )
    an = "an" if role == "item" else "a"
    return f"{shown}: not one row has {an} {role} ({some or 'all empty'}); give another --{role}."


def why(role: str, value: Any) -> str:
    """Say what is wrong with a value, letter for letter."""
    text = "" if value is None else str(value)
    if not text.strip():
        return f"no {role}"
    return f"{text[:WIDE]!r} is no {role}"


def complaint(shown: str, faults: list[Fault], count: int, rows: int, paths: Sequence[Path]) -> str:
    """Write the error: how many, the first ones, what to do."""
    reasons: dict[int, str] = {}
    for line, reason in sorted(faults, key=lambda fault: fault[0]):
        # A row that lacks two things is told by the first.
        reasons.setdefault(line, reason)
    first = list(reasons.items())[:SHOWN]
    unit = "row" if paths[0].suffix.lower() in (".parquet", ".pq") else "line"
    several = len(paths) > 1
    listed = "; ".join(
        f"{f'{paths[place // FILE].name}, ' if several else ''}{unit} {place % FILE}: {reason}"
        for place, reason in first
    )
    more = f"; and {count - len(first):,} more" if count > len(first) else ""
    are, them = ("is", "it") if count == 1 else ("are", "them")
    return (
        f"{shown}: {count:,} of {rows:,} rows {are} malformed ({listed}{more}); mend {them}, or leave {them} "
        "out by --skip-bad."
    )
