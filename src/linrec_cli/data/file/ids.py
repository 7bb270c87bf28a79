"""Ids as they are written: what stands for none, blanks around one, and numbers with a point."""

import numpy as np
import polars as pl

from linrec_cli.errors import DataError

MISSING = (
    "",
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "(null)",
    "<null>",
    "nan",
    "null",
    "none",
    "nil",
    "nat",
    "undefined",
    "\\n",
    "-",
    "--",
)
"""Words for no value, in lower case."""
AROUND = r"^[\s\x{200b}-\x{200d}\x{feff}]+|[\s\x{200b}-\x{200d}\x{feff}]+$"
"""Blanks, those of no width too."""
WHOLE = r"^[+-]?\d+\.0+$"
POINT = r"^[+-]?\d+\.\d+$"
ROUNDED = r"^\d[.,]\d+[eE]\+?\d+$"
"""A long number as a spreadsheet shortens it."""


def read(ids: pl.Series, where: str) -> pl.Series:
    """Read ids of any type: integers where all are, else strings as Categorical; null where there is none.

    `4 ` is 4, and 1.0 is 1 unless others of the column have a part behind the point.

    Args:
        where: the file, for the error.

    Raises:
        DataError: they can be no ids, or have lost their digits.
    """
    kind = ids.dtype
    if kind.is_integer() and kind not in (pl.Int128, pl.UInt128):
        return ids
    if kind.is_float():
        known = ids.fill_nan(None).drop_nulls()
        if (known % 1 == 0).all() and (known.abs() <= 2.0**53).all():
            return ids.fill_nan(None).cast(pl.Int64)
        raise DataError(f"{where}: the {ids.name} ids are of type {kind} and not whole; give integers or strings.")
    if kind == pl.Binary:
        ids = decoded(ids)
    elif kind.is_nested() or kind in (pl.Object, pl.Duration):
        raise DataError(f"{where}: the {ids.name} ids are of type {kind}; give integers or strings.")
    if kind not in (pl.String, pl.Categorical):
        ids = ids.cast(pl.String)
    return _texts(ids.cast(pl.Categorical), where)


def decoded(ids: pl.Series) -> pl.Series:
    """Read bytes as text, or where they are none, as a UUID is, in hexadecimal digits."""
    try:
        return ids.cast(pl.String)
    except pl.exceptions.PolarsError:
        return ids.bin.encode("hex")


def _texts(ids: pl.Series, where: str) -> pl.Series:
    """Clean the distinct texts alone; the rows only go through a table."""
    distinct = ids.unique().drop_nulls()
    text = distinct.cast(pl.String)
    clean = text.str.replace_all(AROUND, "")
    clean = clean.set(clean.str.to_lowercase().is_in(list(MISSING)), None)
    short = clean.str.contains(ROUNDED)
    if 100 * int(short.sum()) >= max(len(clean), 1):
        raise DataError(
            f"{where}: {int(short.sum()):,} {ids.name} ids are numbers that lost their digits "
            f"({clean.filter(short)[0]}); export them as text."
        )
    whole = clean.str.contains(WHOLE)
    if whole.any() and not (clean.str.contains(POINT) & ~whole).any():
        # `app-2.0` is no number, and another than `app-2`.
        clean = clean.str.replace(r"^([+-]?\d+)\.0+$", "${1}")
    numbers = clean.cast(pl.Int64, strict=False)
    if len(numbers) > numbers.null_count() and (numbers.cast(pl.String).eq_missing(clean)).all():
        return _through(ids, distinct, numbers)
    return ids if clean.equals(text) else _through(ids, distinct, clean.cast(pl.Categorical))


def _through(ids: pl.Series, distinct: pl.Series, named: pl.Series) -> pl.Series:
    """Put for each id what it is read as."""
    physical = distinct.to_physical().to_numpy()
    table = np.zeros(int(physical.max(initial=0)) + 1, np.uint32)
    table[physical] = np.arange(len(physical), dtype=np.uint32)
    rows = ids.to_physical()
    if not ids.null_count():
        return named.gather(table[rows.to_numpy()]).alias(ids.name)
    place = pl.Series(table[rows.fill_null(0).to_numpy()])
    return named.gather(place.set(ids.is_null(), None)).alias(ids.name)
