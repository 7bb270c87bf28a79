"""How a text file is laid out: its separator, its quotes, its header or none, an event a line or a history."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from linrec_cli.data.file import columns, moments
from linrec_cli.data.file.plain import HEAD, UNIT
from linrec_cli.errors import DataError, UsageError

LONGEST_HEADER = 1 << 22
LINES = 200
SEPARATORS = f",\t;|{UNIT}"
SEP_LINE = re.compile(r"sep=(.)")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
FIELD = r"[^\s,;|]+"
HISTORY = re.compile(rf"{FIELD}(?:[ \t,]{FIELD})+\s*")
NEITHER = "_"
ITEMS = "items"
"""Stands in --columns for all that follows: a line is a user's history."""


@dataclass(frozen=True)
class Dialect:
    """How a file is laid out.

    Attributes:
        shown: the file as it was given, for messages.
        quotes: whether `"` may enclose a field.
        header: the names of the columns; where the file names none, those that were given or assumed.
        skip: lines before the first row.
        assumed: what was assumed of a file that names no columns; empty where nothing was.
        history: whether a line is a user and all their items.
        sample: the fields of the first rows.
    """

    path: Path
    shown: str
    separator: str
    quotes: bool
    header: list[str]
    skip: int = 1
    assumed: str = ""
    history: bool = False
    sample: tuple[tuple[str, ...], ...] = ()


def recognise(path: Path, shown: str, named: Sequence[str] = ()) -> Dialect:
    """Read the head of a file and find how it is laid out.

    Args:
        shown: the file as it was given.
        named: the columns, in their order, of a file that does not name them.

    Raises:
        DataError: the file is empty, is not text, or its first line names no columns and none were given.
        UsageError: other columns were given than there are.
    """
    lines = head(path, shown)
    # Spreadsheets write and read a line that tells the separator.
    told = SEP_LINE.fullmatch(lines[0])
    skip, lines = (1, lines[1:]) if told else (0, lines)
    if not lines:
        raise DataError(f"{shown} has no rows; give a file that has some.")
    if ITEMS in named or (not named and histories(lines)):
        given = list(named) or ["user", ITEMS]
        said = "" if named else "no header, lines of many lengths: a user and all their items, oldest first, in each"
        return Dialect(path, shown, " ", False, given, skip, said, True)
    separator = told[1] if told else separated(shown, lines)
    # Between tabs a quote is a letter of a title more often than not.
    quotes = separator not in f"\t{UNIT}" or any(quoted(field) for field in lines[0].split(separator))
    if not whole(lines[0], separator, quotes):
        raise DataError(f"{shown}: the first line cannot be read as a header (broken quoting); mend it.")
    rows = [row for line in lines for row in whole(line, separator, quotes) if row] or [[""]]
    first = [name.strip() for name in rows[0]]
    if named:
        header, over = fitting(shown, first, named), heads(rows, first, named)
        said = f"its first line, {', '.join(first)[:60]}, is taken to be a header" if over else ""
        return Dialect(path, shown, separator, quotes, header, skip + over, said, False, taken(rows[over:]))
    if len(first) < 2:
        raise DataError(
            f"{shown}: the first line has one column only ({''.join(first)[:60]!r}); separate columns by a "
            "comma, a tab, ; or |."
        )
    if is_header(first) or not any(map(is_data, first)):
        return Dialect(path, shown, separator, quotes, first, skip + 1, "", False, taken(rows[1:]))
    return nameless(path, shown, separator, quotes, skip, rows)


def nameless(path: Path, shown: str, separator: str, quotes: bool, skip: int, rows: list[list[str]]) -> Dialect:
    """Name the columns of a file that does not.

    Raises:
        DataError: they are not plain.
    """
    header = assumed(rows)
    if header is None:
        data = next(field for field in rows[0] if is_data(field.strip()))
        raise DataError(
            f"{shown} has no header: its first line holds data ({data}); name its {len(rows[0])} columns by --columns, "
            "as in --columns user,item,_,time with _ for each that is neither."
        )
    said = f"no header: its columns are taken to be {', '.join(header)} (or give --columns)"
    return Dialect(path, shown, separator, quotes, header, skip, said, False, taken(rows))


def head(path: Path, shown: str) -> list[str]:
    """Read the first lines.

    Raises:
        DataError: there are none, or they are no text.
    """
    with path.open("rb") as file:
        first = file.readline(LONGEST_HEADER)
        rest = file.read(HEAD)
    if not first.strip() and not rest.strip():
        raise DataError(f"{shown} is empty; give a file with a header and rows.")
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        line = "\0"
    if "\r" in line:
        raise DataError(f"{shown} ends its lines by carriage returns alone; save it with line feeds.")
    if "\0" in line:
        raise DataError(f"{shown} is not UTF-8 text; save it as CSV in UTF-8, or give a Parquet file.")
    # The last line may be cut.
    more = rest.decode("utf-8", "replace").splitlines()[:LINES]
    return [line, *(more if len(rest) < HEAD or len(more) == LINES else more[:-1])]


def separated(shown: str, lines: list[str]) -> str:
    """Find the separator: the one that most lines have as often as the first, then the most frequent one."""
    if {".tsv", ".inter"} & {suffix.lower() for suffix in Path(shown).suffixes} and "\t" in lines[0]:
        return "\t"

    def fits(sign: str) -> tuple[bool, int]:
        count = lines[0].count(sign)
        return count > 0 and 10 * sum(line.count(sign) == count for line in lines) >= 9 * len(lines), count

    best = max(SEPARATORS, key=fits)
    return best if best in lines[0] else " "


def quoted(field: str) -> bool:
    """Tell whether a field stands in quotes."""
    return len(field) > 1 and field[0] == field[-1] == '"'


def whole(line: str, separator: str, quotes: bool) -> list[list[str]]:
    """Read a line that stands alone; nothing where it is none."""
    try:
        return list(reader([line], separator, quotes))
    except csv.Error:
        return []


def taken(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Keep rows for those who look at what columns hold."""
    return tuple(tuple(row) for row in rows)


def fitting(shown: str, first: list[str], named: Sequence[str]) -> list[str]:
    """Lay the given names over the fields.

    Raises:
        UsageError: there are not as many.
    """
    # Empty fields at the end need no name.
    if len(named) > len(first) or any(first[len(named) :]):
        raise UsageError(
            f"{shown}: --columns names {len(named)} columns, and its lines have {len(first)} "
            f"({', '.join(first)[:60]}); name each, with _ for one that is none of them."
        )
    return [*named, *[""] * (len(first) - len(named))]


def is_header(first: Sequence[str]) -> bool:
    """Tell whether a line names a user or an item as columns are usually named."""
    return any(columns.plain(name) in group for name in first for role in ("user", "item")
               for group in columns.NAMES[role] if len(columns.plain(name)) > 1)  # fmt: skip


def heads(rows: list[list[str]], first: Sequence[str], named: Sequence[str]) -> bool:
    """Tell whether the first line is a header although columns are named.

    One with a number or a date where a column was named is a row, whatever words stand beside it.
    """
    if any(is_data(field) for field, name in zip(first, named, strict=False) if name != NEITHER):
        return False
    return over_numbers(rows, named) or is_header(first)


def over_numbers(rows: list[list[str]], named: Sequence[str]) -> bool:
    """Tell whether a first line of words stands over numbers: a header, though its columns were given."""
    for place, name in enumerate(named):
        below = [row[place] for row in rows[1:] if place < len(row)]
        if name != NEITHER and below and all(map(is_data, below)) and not is_data(rows[0][place].strip()):
            return True
    return False


def is_data(field: str) -> bool:
    """Tell whether a field is a number or a date, and no name."""
    if DATE.match(field):
        return True
    try:
        float(field)
    except ValueError:
        return False
    # float() also takes these two, which are words as well.
    return field.strip("+-").lower() not in ("nan", "inf", "infinity")


def histories(lines: list[str]) -> bool:
    """Tell whether lines hold a user and all their items: plain ids, and of many lengths."""
    lines = [line for line in lines if line.strip()]
    if len(lines) < 2 or not all(HISTORY.fullmatch(line) for line in lines):
        return False
    if not all(field.lstrip("+-").isdigit() for field in re.split(r"[ \t,]", lines[0].strip())):
        return False
    widths = Counter(len(re.split(r"[ \t,]", line.strip())) for line in lines)
    return len(widths) > 2 and max(widths.values()) < 0.8 * len(lines)


def assumed(rows: list[list[str]]) -> list[str] | None:
    """Name the columns of a file that does not, where they are plain: `user item`, with a rating, with a time."""
    width = len(rows[0])
    if width not in (2, 3, 4) or any(len(row) != width for row in rows):
        return None
    held = list(zip(*rows, strict=True))
    if not all(field.isdigit() for column in held[:2] for field in column):
        return None
    if width == 2:
        return ["user", "item"]
    timed = ["user", "item", "time"] if width == 3 else ["user", "item", "_", "time"]
    return timed if moments.epochs(held[-1]) else None


def reader(lines: Iterable[str], separator: str, quotes: bool) -> Iterator[list[str]]:
    """Read records the strict way: a quote that is never closed is an error."""
    if quotes:
        return csv.reader(lines, delimiter=separator, strict=True)
    return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, strict=True)
