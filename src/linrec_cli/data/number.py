"""Ids of any kind as consecutive numbers, in the order of the ids themselves."""

import numpy as np
import numpy.typing as npt
import polars as pl

from linrec_cli.errors import DataError

Codes = npt.NDArray[np.uint32]

# A look-up table over the whole range of the ids pays while it is at most this many times the rows.
SPARSE = 4


def number(ids: pl.Series) -> tuple[Codes, pl.Series]:
    """Number `ids` from 0 in ascending order: numbers numerically, strings by their UTF-8 bytes.

    Returns:
        The number of each id, and the distinct ids: `distinct[codes] == ids`.

    Raises:
        DataError: an id is missing, or the ids are neither integers nor strings.
    """
    if ids.null_count():
        raise DataError(f"{ids.null_count()} rows have no {ids.name}; drop them first.")
    if ids.dtype in (pl.String, pl.Categorical, pl.Enum):
        return _strings(ids.cast(pl.Categorical))
    if ids.dtype.is_integer():
        return _integers(ids)
    raise DataError(f"the {ids.name} ids are of type {ids.dtype}; give integers or strings.")


def _strings(ids: pl.Series) -> tuple[Codes, pl.Series]:
    """Sort the distinct strings alone; the rows only go through a table from one number to another."""
    distinct = ids.unique()
    order = distinct.cast(pl.String).arg_sort()
    physical = distinct.to_physical().to_numpy()[order.to_numpy()]
    table = np.zeros(int(physical.max(initial=0)) + 1, np.uint32)
    table[physical] = np.arange(len(physical), dtype=np.uint32)
    return table[ids.to_physical().to_numpy()], distinct.cast(pl.String).gather(order)


def _integers(ids: pl.Series) -> tuple[Codes, pl.Series]:
    if not len(ids):
        return np.zeros(0, np.uint32), ids
    lowest, highest = (int(end) for end in (ids.min(), ids.max()))  # type: ignore[arg-type]
    if highest - lowest >= max(SPARSE * len(ids), 1 << 20):
        distinct = ids.unique().sort()
        codes = ids.replace_strict(distinct, np.arange(len(distinct), dtype=np.uint32), return_dtype=pl.UInt32)
        return codes.to_numpy(), distinct
    # What is less lowest may be beyond a narrow type.
    wide = ids if ids.dtype.is_unsigned_integer() and highest >= 2**63 else ids.cast(pl.Int64)
    shifted = (wide - lowest).to_numpy()
    seen = np.zeros(highest - lowest + 1, np.bool_)
    seen[shifted] = True
    table = np.cumsum(seen, dtype=np.uint32) - np.uint32(1)
    return table[shifted], (pl.Series(ids.name, np.flatnonzero(seen)).cast(wide.dtype) + lowest).cast(ids.dtype)
