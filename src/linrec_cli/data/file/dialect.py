"""How a text file is written: its separator, its quotes, its header."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from linrec_cli.errors import DataError

LONGEST_HEADER = 1 << 22


@dataclass(frozen=True)
class Dialect:
    """How a file is written; `quotes` is whether `"` may enclose a field."""

    path: Path
    separator: str
    quotes: bool
    header: list[str]


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking it where it is gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def recognise(path: Path) -> Dialect:
    """Read the header and find how the fields are separated.

    Raises:
        DataError: the file is empty, is not text, or its first line names no columns.
    """
    with opened(path) as file:
        first = file.readline(LONGEST_HEADER)
    if not first:
        raise DataError(f"{path} is empty; give a file with a header and rows.")
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        line = "\0"
    if "\r" in line:
        raise DataError(f"{path} ends its lines by carriage returns alone; save it with line feeds.")
    if "\0" in line:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8, or give a Parquet file.")
    separator = _separator(path, line)
    quotes = '"' in line or separator != "\t"
    try:
        header = [name.strip() for name in next(reader([line], separator, quotes), [])]
    except csv.Error as error:
        raise DataError(f"{path}: the first line cannot be read as a header ({error}); mend it.") from None
    _check(path, header)
    return Dialect(path, separator, quotes, header)


def _separator(path: Path, line: str) -> str:
    if {".tsv", ".inter"} & {suffix.lower() for suffix in path.suffixes}:
        return "\t"
    return max(",\t;|", key=line.count)


def _check(path: Path, header: list[str]) -> None:
    if len(header) < 2:
        raise DataError(
            f"{path}: the first line has one column only ({''.join(header)[:60]!r}); separate columns by a "
            "comma, a tab, ; or |."
        )
    data = next((name for name in header if _is_number(name)), None)
    if data is not None:
        raise DataError(
            f"{path} has no header: its first line holds data ({data}); put a line with the names of the columns first."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    # float() also takes these two, which are words as well.
    return text.strip("+-").lower() not in ("nan", "inf", "infinity")


def reader(lines: Iterable[str], separator: str, quotes: bool) -> Iterator[list[str]]:
    """Read records the strict way: a quote that is never closed is an error."""
    if quotes:
        return csv.reader(lines, delimiter=separator, strict=True)
    return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, strict=True)
