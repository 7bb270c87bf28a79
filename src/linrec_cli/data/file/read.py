"""A file of the user's own as events: CSV, TSV, RecBole's `.inter`, Parquet."""

import zlib
from pathlib import Path

import numpy as np
import polars as pl

from linrec_cli.data.file import columns, delimited, malformed
from linrec_cli.data.file import dialect as layout
from linrec_cli.errors import DataError

TEXT = (".csv", ".tsv", ".txt", ".inter")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), *PARQUET)


def is_file(source: str) -> bool:
    """Tell whether `source` means a file: it is there, or its name ends as one that can be read."""
    return source.lower().endswith(SUFFIXES) or Path(source).is_file()


def stem(path: Path) -> str:
    """Name a file without what it ends in: `logs.tsv.gz` is `logs`."""
    suffix = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len, default=path.suffix)
    return path.name[: len(path.name) - len(suffix)] or path.name


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
        rows, names = _parquet(path, asked) if _is_parquet(path) else _text(path, asked)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); check that it is whole.") from None
    frame, skipped = malformed.without(rows, path, skip_bad)
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


def _text(path: Path, asked: dict[str, str | None]) -> tuple[delimited.Rows, dict[str, str]]:
    file = layout.layout(path)
    places = columns.choose(file.header, asked, str(path))
    return delimited.read(file, places), {role: file.header[place] for role, place in places.items()}


def _parquet(path: Path, asked: dict[str, str | None]) -> tuple[delimited.Rows, dict[str, str]]:
    try:
        scan = pl.scan_parquet(path, glob=False)
        header = scan.collect_schema().names()
        names = {role: header[place] for role, place in columns.choose(header, asked, str(path)).items()}
        frame = scan.select(pl.col(name).alias(role) for role, name in names.items()).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} cannot be read ({str(error).splitlines()[0]}); check that it is whole.") from None
    ids = [_as_id(frame[role], path) for role in ("user", "item")]
    lines = pl.int_range(1, frame.height + 1, dtype=pl.UInt32, eager=True).alias("line")
    return delimited.Rows(frame.with_columns(*ids, lines), []), names


def _as_id(ids: pl.Series, path: Path) -> pl.Series:
    """Keep integers, code strings, and take whole floats, which pandas makes of integers with gaps."""
    if ids.dtype.is_integer():
        return ids
    if ids.dtype in (pl.String, pl.Categorical, pl.Enum):
        return ids.cast(pl.Categorical)
    if ids.dtype.is_float():
        whole = ids.cast(pl.Int64, strict=False)
        if (whole == ids).all():
            return whole
    raise DataError(f"{path}: the {ids.name} ids are of type {ids.dtype}; give integers or strings.")


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
