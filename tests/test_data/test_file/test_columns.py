"""Columns by name."""

import pytest

from linrec_cli.data.file.read import read as read_file
from linrec_cli.errors import DataError, UsageError


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


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("session_id,user_id,item_id,timestamp", (1, 2, 3)),
        ("session_id,visitorid,item_id,timestamp", (1, 2, 3)),
        ("parent_asin,user_id,asin,timestamp", (1, 2, 3)),
        ("artist,user,track,ts", (1, 2, 3)),
        ("date,user,item,timestamp", (1, 2, 3)),
    ],
)
def test_of_two_that_could_be_it_the_nearer_name_is(read, names, expected, flipped):
    header, row = names.split(","), ["9", "1", "2", "3"]
    if flipped:
        header, row = header[::-1], row[::-1]
    assert read(f"{','.join(header)}\n{','.join(row)}\n")[0] == [expected]


@pytest.mark.parametrize("days", [("2020-01-02", "2020-01-10"), ("2020-01-10", "2020-01-02")])
def test_columns_in_the_names_of_folders_are_columns_of_text_files_too(tmp_path, days):
    for number, day in enumerate(days):
        folder = tmp_path / "log" / f"day={day}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text(f"user,item\n1,{number}\n2,{number}\n")
    with pytest.raises(DataError, match="is day the time"):
        read_file(tmp_path / "log")
    found = read_file(tmp_path / "log", time="day")
    times = {row[1]: row[2] for row in found.events.collect().rows()}
    assert (times[0] < times[1]) == (days[0] < days[1])
    assert any(f"day={min(days)}/a.csv to " in note for note in found.notes)


def test_a_user_may_stand_in_the_name_of_a_folder(tmp_path):
    (tmp_path / "user=5").mkdir()
    (tmp_path / "user=5/a.csv").write_text("item,time\n1,3\n2,4\n")
    assert read_file(tmp_path / "user=5/a.csv").events.collect().select("user", "item", "time").rows() == [
        (5, 1, 3),
        (5, 2, 4),
    ]


def test_only_a_number_loses_the_zeros_behind_its_point(read):
    rows, _ = read("user,item,time\n1,app-2.0,1\n1,app-2,2\n1,7.0,3\n1,v1.0,4\n1,v1,5\n1,7,6\n")
    assert [row[1] for row in rows] == ["app-2.0", "app-2", "7", "v1.0", "v1", "7"]
