"""The columns of a Parquet file."""

from pathlib import Path

import polars as pl

from linrec_cli.data.file import columns
from linrec_cli.data.file.delimited import Content
from linrec_cli.errors import DataError


def read(path: Path, asked: dict[str, str | None]) -> tuple[Content, dict[str, str]]:
    """Read `user`, `item` and, where there is one, `time`; give with them the names of their columns.

    Raises:
        DataError: the file cannot be read, or ids are neither integers nor strings.
    """
    try:
        scan = pl.scan_parquet(path, glob=False)
        header = scan.collect_schema().names()
        names = {role: header[place] for role, place in columns.choose(header, asked, str(path)).items()}
        frame = scan.select(pl.col(name).alias(role) for role, name in names.items()).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} cannot be read ({str(error).splitlines()[0]}); check that it is whole.") from None
    ids = [_as_id(frame[role], path) for role in ("user", "item")]
    lines = pl.int_range(1, frame.height + 1, dtype=pl.UInt32, eager=True).alias("line")
    return Content(frame.with_columns(*ids, lines), []), names


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
