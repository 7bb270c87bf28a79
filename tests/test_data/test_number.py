"""Ids of every type get the numbers that sorting them gives, whatever their least and greatest."""

import polars as pl
import pytest

from linrec_cli.data.number import number

ENDS = {
    pl.Int8: [-128, 127, 0, -1, 5, 127, -128], pl.UInt8: [0, 255, 7, 255], pl.Int16: [-32768, 32767, 30000, 5, -32768],
    pl.UInt16: [0, 65535, 9], pl.Int32: [-(2**31), -(2**31) + 9, -(2**31)], pl.UInt32: [2**32 - 1, 2**32 - 9],
    pl.Int64: [-(2**63), -(2**63) + 3, -(2**63)], pl.UInt64: [2**64 - 1, 2**64 - 5, 2**64 - 1, 2**64 - 3],
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDS)
def test_the_number_of_an_id_is_its_place_among_the_distinct_ones(kind: type[pl.DataType]) -> None:
    ids = pl.Series("item", ENDS[kind], kind)
    codes, distinct = number(ids)
    expected = sorted({*ENDS[kind]})
    assert distinct.to_list() == expected
    assert distinct.dtype == kind
    assert codes.tolist() == [expected.index(one) for one in ENDS[kind]]
