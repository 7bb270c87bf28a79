"""The columns of Parquet and of JSON lines, in which one row may hold a whole history."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli import machine
from linrec_cli.data.file import columns
from linrec_cli.data.file.delimited import Content
from linrec_cli.data.file.ids import decoded
from linrec_cli.data.file.plain import start
from linrec_cli.errors import DataError
from linrec_cli.refusals import reading

SAMPLE = 2000
LEAST = 8
"""Bytes of a row at least: a user and an item of 4 bytes each."""


def parquet(path: Path, shown: str, asked: columns.Asked) -> tuple[Content, dict[str, str]]:
    """Read `user`, `item` and the columns of times of a Parquet file; give with them what they are called.

    Raises:
        DataError: the file cannot be read, or says that it has more rows than there is memory for.
    """
    with reading(shown, "check that it is whole"):
        scan = pl.scan_parquet(path, glob=False)
        # What repeats takes no room in the file: a small one may have any number of rows.
        rows, room = scan.select(pl.len()).collect().item(), machine.memory()
        if rows * LEAST > room:
            raise DataError(
                f"{shown} says that it has {rows:,} rows, which take at least {rows * LEAST / 1e9:,.0f} GB, "
                f"of {room / 1e9:,.1f} GB that are here; give a part of it."
            )
        return chosen(foldered(scan, shown), shown, asked)


def foldered(scan: pl.LazyFrame, shown: str) -> pl.LazyFrame:
    """Add the columns that stand in the names of folders alone, as `day=2020-01-31` does."""
    own = folders(shown, scan.collect_schema().names())
    return scan.with_columns(pl.lit(value).alias(name) for name, value in own.items())


def folders(shown: str, there: Sequence[str]) -> dict[str, str]:
    """List the columns that stand in the names of a file's folders, but for those that are `there`: value by name."""
    pairs = [part.partition("=") for part in Path(shown).parent.parts if "=" in part]
    return {name: value for name, _, value in pairs if name not in there}


def json_lines(path: Path, shown: str, asked: columns.Asked) -> tuple[Content, dict[str, str]]:
    """Read the same of a file of JSON: an object a line, or one list of objects.

    Raises:
        DataError: a line is no object.
    """
    try:
        whole = start(path).lstrip()[:1] == b"["
        scan = (
            pl.read_json(path, infer_schema_length=None).lazy()
            if whole
            else pl.scan_ndjson(path, infer_schema_length=None)
        )
        return chosen(scan, shown, asked)
    except pl.exceptions.PolarsError as error:
        why = broken(path) or str(error).splitlines()[0]
        raise DataError(f"{shown} cannot be read ({why}); give JSON lines, an object a line.") from None


def broken(path: Path) -> str:
    """Find the first line that is no object."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return f"line {number} is no object"
            except ValueError as error:
                return f"line {number}: {error}"
    return ""


def chosen(scan: pl.LazyFrame, shown: str, asked: columns.Asked) -> tuple[Content, dict[str, str]]:
    """Unfold what is nested and take the columns of the events."""
    frame = unfolded(scan)
    schema = frame.collect_schema()
    header = [name for name in schema.names() if name != "line_"]
    few = frame.head(SAMPLE).collect()
    sample = columns.Sample([texts(few[name]) for name in header])
    places = columns.choose(header, asked, shown, sample)
    names = {role: header[place] for role, place in places.items()}
    made = frame.select("line_", *(pl.col(name).alias(role) for role, name in names.items())).collect(
        engine="streaming"
    )
    return Content(listed(made.rename({"line_": "line"}), shown), []), names


def unfolded(scan: pl.LazyFrame) -> pl.LazyFrame:
    """Lay lists of objects out, an object a row, and objects, a column a field; `line_` counts the rows of the file."""
    scan = scan.with_row_index("line_", 1).with_columns(pl.col("line_").cast(pl.UInt32))
    nested: list[tuple[str, Any]]
    while nested := [(name, kind) for name, kind in scan.collect_schema().items() if structured(kind)]:
        name, kind = nested[0]
        if isinstance(kind, pl.List):
            scan = scan.explode(name)
        inner: Any = kind.inner if isinstance(kind, pl.List) else kind
        taken = scan.collect_schema().names()
        fields = {field.name: f"{name}.{field.name}" if field.name in taken else field.name for field in inner.fields}
        scan = scan.with_columns(pl.col(name).struct.rename_fields(list(fields.values()))).unnest(name)
    return scan


def structured(kind: Any) -> bool:
    """Tell whether a column holds objects, or lists of them."""
    return isinstance(kind, pl.Struct) or (isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct))


def listed(frame: pl.DataFrame, shown: str) -> pl.DataFrame:
    """Lay lists of items out, an item a row, with the times beside them.

    Raises:
        DataError: a row has not as many times as items.
    """
    frame = frame.with_columns(
        pl.col(name).arr.to_list() for name, kind in frame.schema.items() if isinstance(kind, pl.Array)
    )
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    if not lists:
        return frame
    if "item" not in lists or "user" in lists:
        raise DataError(f"{shown}: the {lists[0]} of each row is a list, and the item is none; give one event a row.")
    lengths = [frame[name].list.len() for name in lists]
    for length in lengths[1:]:
        if not length.equals(lengths[0]):
            row = int(length.ne_missing(lengths[0]).arg_true()[0]) + 1
            raise DataError(f"{shown}: row {row} has not as many times as items; mend it.")
    return frame.filter(lengths[0] > 0).explode(lists)


def texts(column: pl.Series) -> list[str]:
    """Write what a column holds as texts, for those who look at it; nothing of what is nested."""
    if column.dtype.is_nested():
        column = column.list.first() if isinstance(column.dtype, pl.List) else column.clear()
    if column.dtype == pl.Binary:
        column = decoded(column)
    if column.dtype == pl.Object or column.dtype.is_nested():
        return []
    try:
        return ["" if text is None else text for text in column.cast(pl.String, strict=False)]
    except pl.exceptions.PolarsError:
        return []
