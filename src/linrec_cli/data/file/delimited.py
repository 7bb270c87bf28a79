"""The columns of a text file: polars reads a file that is regular, any other is read record by record."""

from itertools import islice
from typing import NamedTuple

import polars as pl

from linrec_cli.data.file import regular_rows
from linrec_cli.data.file.dialect import Dialect
from linrec_cli.data.file.record_by_record import Fault, sound

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
    if frame is None or frame.height != rows:
        return _slow(file, columns)
    return Content(frame.with_columns(line=pl.int_range(2, frame.height + 2, dtype=pl.UInt32)), [])


def _fast(file: Dialect, columns: dict[str, int]) -> pl.DataFrame | None:
    scan = pl.scan_csv(
        file.path,
        separator=file.separator,
        quote_char='"' if file.quotes else None,
        has_header=False,
        skip_lines=1,
        schema={str(place): pl.String for place in range(len(file.header))},
        glob=False,
    )
    wanted = [_typed(role, pl.col(str(place))) for role, place in columns.items()]
    try:
        return scan.select(wanted).collect(engine="streaming")
    except pl.exceptions.PolarsError:
        return None


def _typed(role: str, column: pl.Expr) -> pl.Expr:
    # As codes, 20 million ids take a quarter of the room and never need to be sorted as strings.
    return column.alias(role) if role == "time" else column.cast(pl.Categorical).alias(role)


def _slow(file: Dialect, columns: dict[str, int]) -> Content:
    """Read record by record, so that every row that is not right can be named by its line."""
    schema = {"line": pl.UInt32, **dict.fromkeys(columns, pl.String)}
    faults: list[Fault] = []
    rows = sound(file, list(columns.values()), faults)
    parts = [pl.DataFrame(schema=schema)]
    while batch := list(islice(rows, RECORDS)):
        parts.append(pl.DataFrame(batch, schema=schema, orient="row"))
    typed = [_typed(role, pl.col(role)) for role in columns]
    return Content(pl.concat([part.select(*typed, "line") for part in parts]), faults)
