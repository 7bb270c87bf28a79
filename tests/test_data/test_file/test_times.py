"""Times in every form keep their order."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import polars as pl
import pytest

from linrec_cli.data.file import dates
from linrec_cli.data.file import times as module
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
        (["1970-01-01T00:00:00.000000002", "1970-01-01T00:00:00.000000001"], [2, 1]),
        (["1970-01-01T00:00:01.000000002Z", "1970-01-01T01:00:00.0+01:00"], [1_000_000_002, 0]),
        # Two digits are of this century up to 68, as POSIX has it.
        (["1-Jan-69", "1-Jan-98", "1-Jan-70", "1-Jan-68"], [-31_536_000, 883_612_800, 0, 3_092_601_600]),
    ],
)
def test_times_keep_their_order(read, written, whole):
    rows, _ = read("user,item,time\n" + "".join(f"1,1,{time}\n" for time in written))
    assert [row[2] for row in rows] == whole


@pytest.mark.parametrize("half", ["{}m", "{}.m."])
def test_noon_and_midnight_of_a_twelve_hour_clock_are_where_they_are(read, half):
    hours = [("12:05", "a", 0), ("1:05", "a", 1), ("11:05", "a", 11), ("12:05", "p", 12), ("11:05", "p", 23)]
    lines = [f"1,1,1/13/2021 {time} {half.format(which)}\n" for time, which, _ in hours]
    first = int(datetime(2021, 1, 13, tzinfo=UTC).timestamp())
    assert [row[2] - first for row in read("user,item,time\n" + "".join(lines))[0]] == [
        3600 * hour + 300 for *_, hour in hours
    ]


def test_times_with_and_without_a_zone_do_not_mix(read):
    with pytest.raises(DataError, match="1 times have a zone and 2 have none, which do not compare; write all alike"):
        read("user,item,time\n1,1,2020-01-01\n1,2,2020-01-02\n1,3,2020-01-01T00:00:00Z\n")
    days = "".join(f"1,{day},2020-01-{day}\n" for day in range(10, 30))
    # One of many is a slip, and told by its line.
    with pytest.raises(DataError, match="line 22"):
        read(f"user,item,time\n{days}1,3,2020-01-01T00:00:00Z\n")


@pytest.mark.parametrize(
    ("some", "message"),
    [
        (["1612441600", "1612441601000"], "1 in seconds and 1 in milliseconds cannot be compared"),
        (["1612441600.0", "1612441601000000"], "1 in seconds and 1 in microseconds cannot be compared"),
        (["01102020", "15122019"], "01102020 can be day, month and year"),
        (["12312020", "01152019"], "12312020 can be day, month and year"),
        (["1,234", "987"], "'1,234' can be one number or a number and a fraction"),
    ],
)
def test_numbers_that_would_be_put_in_a_wrong_order_are_asked_about(read, some, message):
    with pytest.raises(DataError, match=message):
        read("user;item;time\n" + "".join(f"{n};{n};{one}\n" for n, one in enumerate(some)))


@pytest.mark.parametrize(
    ("some", "times"),
    [
        (["5", "1612441600"], [5, 1612441600]),
        (["20201001", "20191231"], [20201001, 20191231]),
        (["1,5", "2,25"], [1_500_000, 2_250_000]),
        (["3", "12"], [3, 12]),
        (["1970-01-01 00:00:00,5", "1970-01-01 00:00:00,25"], [500_000, 250_000]),
    ],
)
def test_numbers_of_one_kind_are_read(read, some, times):
    rows, _ = read("user;item;time\n" + "".join(f"{n};{n};{one}\n" for n, one in enumerate(some)))
    assert [row[2] for row in rows] == times


def test_dates_are_of_one_unit_whatever_numbers_they_become():
    # With a fraction they are microseconds, of which early in 1970 there are as many as milliseconds later on.
    early = [datetime(1970, 1, 5, 3), datetime(2020, 1, 1, microsecond=1)]
    assert module.whole(pl.Series(early)).to_list() == [356_400_000_000, 1_577_836_800_000_001]


def test_dates_in_text_are_of_one_unit_too(read):
    times = ["1970-01-01 01:00:00.000000", *["2020-01-01 10:00:00.250000"] * 5]
    rows, _ = read("user,item,time\n" + "".join(f"1,{n},{time}\n" for n, time in enumerate(times)))
    assert [row[2] for row in rows] == [3_600_000_000, *[1_577_872_800_250_000] * 5]


@pytest.mark.parametrize("offset", ["+0230", "-0530", "+0200", "-0000"])
def test_offsets_are_ahead_of_utc_where_they_are_positive(read, offset):
    rows, _ = read(f"user;item;time\n1;1;Fri, 28 Jul 2017 15:58:00 {offset}\n")
    assert rows[0][2] == parsedate_to_datetime(f"Fri, 28 Jul 2017 15:58:00 {offset}").timestamp()


def test_a_clock_in_whole_numbers_is_filled_up_on_its_left(read):
    content = "user,item,day,at\n1,1,1970-01-01,5\n1,2,1970-01-01,930\n1,3,1970-01-02,1\n"
    rows, _ = read(content, time="day,at")
    assert [row[2] for row in rows] == [5 * 60, (9 * 60 + 30) * 60, 86_400 + 60]


def test_zeros_beside_moments_are_told(read):
    rows = "user,item,time\n1,1,0\n1,2,1612441600\n1,3,0\n"
    assert any("2 times are 0, and so the oldest" in note for note in read(rows)[1])
    assert not any("times are 0" in note for note in read(rows.replace("1612441600", "7"))[1])


RFC = ["UT", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"]
REGIONS = {
    "WET": ("Europe/Lisbon", 1), "CET": ("Europe/Berlin", 1), "CEST": ("Europe/Berlin", 7), "EET": ("Europe/Athens", 1),
    "EEST": ("Europe/Athens", 7), "MSK": ("Europe/Moscow", 1), "BST": ("Europe/London", 7), "JST": ("Asia/Tokyo", 1),
    "KST": ("Asia/Seoul", 1),
}  # fmt: skip
"""Where and in which month a zone's name is the local time."""


@pytest.mark.parametrize("zone", RFC)
def test_zones_are_those_of_the_mail_standard(read, zone):
    rows, _ = read(f"user;item;time\n1;1;Fri, 28 Jul 2017 15:58:00 {zone}\n")
    assert rows[0][2] == parsedate_to_datetime(f"Fri, 28 Jul 2017 15:58:00 {zone}").timestamp()


@pytest.mark.parametrize("zone", REGIONS)
def test_zones_of_regions_are_their_time_of_the_year(read, zone):
    region, month = REGIONS[zone]
    rows, _ = read(f"user,item,time\n1,1,2017-0{month}-28 15:58:00 {zone}\n")
    there = pl.Series([datetime(2017, month, 28, 15, 58)]).dt.replace_time_zone(region)
    assert rows[0][2] == there.dt.epoch("s").item()


def test_of_an_hour_that_comes_twice_the_first_is_meant_and_one_that_never_comes_is_no_time(read):
    at = "user,item,time\n1,1,2021-{} 02:30:00 Europe/Berlin\n"
    assert read(at.format("10-31"))[0][0][2] == int(datetime(2021, 10, 31, 0, 30, tzinfo=UTC).timestamp())
    with pytest.raises(DataError, match="not one of the times is read"):
        read(at.format("03-28"))


def test_regions_are_read_where_the_system_has_no_list_of_them(read, monkeypatch):
    content = "user,item,time\n" + "1,1,2017-07-28 15:58:00 America/New_York\n" * 2
    rows, _ = read(content)
    monkeypatch.setattr(dates, "available_timezones", set)
    assert read(content)[0] == rows
    assert rows[0][2] == 1501271880
    with pytest.raises(DataError, match="not one of the times is read"):
        read(content.replace("America/New_York", "Nowhere/At_All"))


def test_every_zone_is_known_to_these_tests():
    assert {*dates.ZONES} == {zone.lower() for zone in [*RFC, *REGIONS, "Z", "UTC"]}


def test_a_zone_that_could_be_several_is_no_time(read):
    with pytest.raises(DataError, match="not one of the times is read"):
        read("user,item,time\n1,1,2017-07-28 15:58:00 IST\n")
