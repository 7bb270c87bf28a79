"""A file of the user's own as events: CSV, TSV, RecBole's `.inter`, Parquet."""

import zlib
from pathlib import Path

import numpy as np
import polars as pl

from linrec_cli.data.file import columns, delimited, dialect, malformed, parquet
from linrec_cli.data.file.suffixes import PARQUET, SUFFIXES
from linrec_cli.errors import DataError


def read(
    path: Path,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    skip_bad: bool = False,
) -> tuple[pl.LazyFrame, list[str]]:
    """Read `user`, `item` and, where the file has one, `time`.

    Integer ids stay integers if all of a column are; others stay strings, letter by letter.

    Args:
        user: the name of the column; None to recognise it.
        item: the same.
        time: the same.
        skip_bad: whether to leave malformed rows out.

    Returns:
        The events in the order of the file, and what there is to say about them.

    Raises:
        UsageError: a column that was named is not there.
        DataError: the file cannot be read, or has malformed rows and `skip_bad` is off.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; check the path.")
    asked = {"user": user, "item": item, "time": time}
    try:
        content, names = parquet.read(path, asked) if _is_parquet(path) else _text(path, asked)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); check that it is whole.") from None
    frame, skipped = malformed.without(content, path, skip_bad)
    if not frame.height:
        raise DataError(f"{path} has no {'sound ' if skipped else ''}rows; give a file that has some.")
    notes = ["columns: " + ", ".join(f"{role} = {name}" for role, name in names.items())]
    if "time" not in names:
        notes.append("no time column: the order of the file is taken as the order of time (or give --time)")
    if skipped:
        notes.append(f"{skipped:,} malformed rows skipped")
    ids = [_as_integers(frame[role]) for role in ("user", "item")]
    return frame.drop("line").with_columns(ids).lazy(), notes


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        return True
    if path.suffix.lower() in PARQUET:
        raise DataError(f"{path} is {'not a Parquet file' if start else 'empty'}; check what wrote it.")
    if start[:2] == b"PK" or not path.name.lower().endswith(SUFFIXES):
        raise DataError(f"{path} is of no kind that can be read; give a file that ends in {', '.join(SUFFIXES)}.")
    return False


def _text(path: Path, asked: dict[str, str | None]) -> tuple[delimited.Content, dict[str, str]]:
    file = dialect.recognise(path)
    places = columns.choose(file.header, asked, str(path))
    return delimited.read(file, places), {role: file.header[place] for role, place in places.items()}


def _as_integers(ids: pl.Series) -> pl.Series:
    """Turn ids into integers if every one is written as integers are: `7`, but not `07` or `7.0`."""
    if ids.dtype != pl.Categorical:
        return ids
    distinct = ids.unique()
    text = distinct.cast(pl.String)
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() or not (numbers.cast(pl.String) == text).all():
        return ids
    physical = distinct.to_physical().to_numpy()
    table = np.zeros(int(physical.max()) + 1, np.int64)
    table[physical] = numbers.to_numpy()
    return pl.Series(ids.name, table[ids.to_physical().to_numpy()])
