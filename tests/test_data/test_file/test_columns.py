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


def test_two_columns_of_one_name_are_told_apart_only_where_asked(read):
    content = "user,item,time,x,x\n1,2,3,a,b\n"
    assert read(content)[0] == [(1, 2, 3)]
    with pytest.raises(UsageError, match="2 columns 'x'"):
        read(content, item="x")
