"""Times in every form keep their order."""

import pytest

from linrec_cli.errors import DataError


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        (["5", "-7"], [5, -7]),
        (["1600000000000000001", "1600000000000000002"], [1600000000000000001, 1600000000000000002]),
        (["1.234e9", "5"], [1234000000, 5]),
        (["1.5", "2"], [1500000, 2000000]),
        (["1970-01-01T00:00:05", "1970-01-02"], [5, 86400]),
        (["1970-01-01 00:00:05.25", "1970-01-01 00:01"], [5250000, 60000000]),
        (["1970-01-01T00:00:05Z", "1970-01-01T02:00:05+02:00"], [5, 5]),
    ],
)
def test_times_keep_their_order(read, written, whole):
    rows, _ = read("user,item,time\n" + "".join(f"1,1,{time}\n" for time in written))
    assert [row[2] for row in rows] == whole


def test_times_with_and_without_a_zone_do_not_mix(read):
    with pytest.raises(DataError, match="line 4"):
        read("user,item,time\n1,1,2020-01-01\n1,2,2020-01-02\n1,3,2020-01-01T00:00:00Z\n")
