"""The columns of a text file: polars reads a file that is regular, any other is read record by record."""

from itertools import islice
from typing import NamedTuple

import polars as pl

from linrec_cli.data.file import regular_rows
from linrec_cli.data.file.dialect import Dialect
from linrec_cli.data.file.plain import UNIT
from linrec_cli.data.file.record_by_record import Fault, sound
from linrec_cli.errors import DataError

RECORDS = 200_000


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        frame: the columns as strings, ids as Categorical, and `line`, where each row stands.
        faults: line and reason of each record that has no such columns.
    """

    frame: pl.DataFrame
    faults: list[Fault]


def read(file: Dialect, columns: dict[str, int]) -> Content:
    """Read the columns at the given places."""
    rows = regular_rows.count(file)
    frame = None if rows is None else _fast(file, columns)
    if frame is None or frame.height != rows or _blank(frame):
        return _slow(file, columns)
    first = file.skip + 1
    return Content(frame.with_columns(line=pl.int_range(first, frame.height + first, dtype=pl.UInt32)), [])


def _fast(file: Dialect, columns: dict[str, int]) -> pl.DataFrame | None:
    scan = pl.scan_csv(
        file.path,
        separator=file.separator,
        quote_char='"' if file.quotes else None,
        has_header=False,
        skip_lines=file.skip,
        schema={str(place): pl.String for place in range(len(file.header))},
        glob=False,
    )
    wanted = [typed(role, pl.col(str(place))) for role, place in columns.items()]
    try:
        return scan.select(wanted).collect(engine="streaming")
    except pl.exceptions.PolarsError:
        return None


def _blank(frame: pl.DataFrame) -> bool:
    """Tell whether a row holds nothing of what is wanted: where it holds nothing at all, it is none."""
    # Most files hold no user that is none, and then there is no such row.
    ids = frame[next(role for role in ("user", "item") if role in frame.columns)]
    if not ids.null_count() and not (ids.unique() == "").any():
        return False
    nothing = (pl.col(name).is_null() | (pl.col(name) == "") for name in frame.columns)
    return bool(frame.select(pl.all_horizontal(*nothing).any()).item())


def typed(role: str, column: pl.Expr) -> pl.Expr:
    """Make a column what its role asks for."""
    # As codes, 20 million ids take a quarter of the room and never need to be sorted as strings.
    return column.cast(pl.Categorical).alias(role) if role in ("user", "item") else column.alias(role)


def _slow(file: Dialect, columns: dict[str, int]) -> Content:
    """Read record by record, so that every row that is not right can be named by its line."""
    schema = {"line": pl.UInt32, **dict.fromkeys(columns, pl.String)}
    faults: list[Fault] = []
    rows = sound(file, list(columns.values()), faults)
    parts = [pl.DataFrame(schema=schema)]
    while batch := list(islice(rows, RECORDS)):
        parts.append(pl.DataFrame(batch, schema=schema, orient="row"))
    ours = [typed(role, pl.col(role)) for role in columns]
    return Content(pl.concat([part.select(*ours, "line") for part in parts]), faults)


def histories(file: Dialect) -> Content:
    """Read lines of a user and all their items, the items in one text.

    Raises:
        DataError: it is no text.
    """
    try:
        frame = lines(file)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{file.shown} cannot be read ({str(error).splitlines()[0]}); save it in UTF-8.") from None
    text = frame["text"].str.strip_chars()
    parts = text.str.extract_groups(r"^([^\s,]+)[\s,]+(.*)$").struct.rename_fields(["user", "item"])
    read = parts.struct.unnest()
    return Content(read.with_columns(frame["line"].cast(pl.UInt32)).filter(text != ""), [])


def lines(file: Dialect) -> pl.DataFrame:
    """Read whole lines: `line` and `text`."""
    return pl.read_csv(
        file.path,
        separator=UNIT,
        quote_char=None,
        has_header=False,
        skip_lines=file.skip,
        schema={"text": pl.String},
        glob=False,
    ).with_row_index("line", file.skip + 1)
