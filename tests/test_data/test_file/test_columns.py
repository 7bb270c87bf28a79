"""Columns by name."""

import pytest

from linrec_cli.errors import UsageError


def test_columns_can_be_named(read):
    content = "who,what,When at,user\n1,2,3,4\n"
    assert read(content, user="who", item="WHAT", time="when at")[0] == [(1, 2, 3)]
    with pytest.raises(UsageError, match="no column 'nobody'; its columns are who, what, When at, user"):
        read(content, user="nobody", item="what")
    with pytest.raises(UsageError, match="cannot stand for two"):
        read(content, item="user")


@pytest.mark.parametrize(
    ("first", "count"),
    [
        # Words that columns are called by, as items and users are too.
        ("24,book,14,1612441600", 3),
        ("guest,x,14,1612441600", 3),
        ("customer,x,product,date", 2),
    ],
)
def test_a_line_with_a_number_under_a_name_that_was_given_is_no_header(read, first, count):
    rows, notes = read(f"{first}\n25,film,15,1612441601\n26,film,16,1612441602\n", columns="user,_,item,time")
    assert len(rows) == count
    assert any(f"its first line, {first.replace(',', ', ')}, is taken to be a header" in n for n in notes) == (
        count == 2
    )


def test_two_columns_of_one_name_are_told_apart_only_where_asked(read):
    content = "user,item,time,x,x\n1,2,3,a,b\n"
    assert read(content)[0] == [(1, 2, 3)]
    with pytest.raises(UsageError, match="2 columns 'x'"):
        read(content, item="x")
