"""Files as people have them, whole and broken."""

import datetime
import gzip
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linrec_cli.data.file import delimited
from linrec_cli.data.file import read as own_file
from linrec_cli.data.file import regular as regularity
from linrec_cli.errors import DataError, LinrecError, UsageError

GOOD = "user_id,item_id,timestamp\n1,10,100\n2,20,200\n"
ROWS = [(1, 10, 100), (2, 20, 200)]


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="log.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        events, notes = own_file.read(path, **options)
        return events.collect().rows(), notes

    return write_and_read


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r\n").rstrip(),
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "|"),
        GOOD.replace(",", "\t"),
        GOOD + "\n\n",
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("1,10,100", '"1","10",100'),
        '"user_id","item_id","timestamp"\n"1","10","100"\n"2","20","200"\n',
        GOOD.replace("timestamp", "Time"),
        GOOD.replace("user_id", "UserID").replace("item_id", "movieId"),
        "item_id,rating,timestamp,user_id\n10,5,100,1\n20,,200,2\n",
        "timestamp,item_id,text,user_id\n100,10,\"a, b\",1\n200,20,\"two\nlines \"\"so\"\"\",2\n",
    ],
)  # fmt: skip
def test_every_way_to_write_the_same_file_reads_the_same(read, content):
    assert read(content)[0] == ROWS
    assert read(gzip.compress(content.encode()), "log.csv.gz")[0] == ROWS


def test_an_inter_file_of_recbole_is_read(read):
    typed = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t3\t100.0\n2\t20\t3\t2e2\n"
    assert read(typed, "a.inter")[0] == ROWS


def test_parquet_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"uid": [1, 2], "asin": ["b", "a"], "ts": [1, 2], "x": [0, 0]}).write_parquet(path)
    assert own_file.read(path)[0].collect().rows() == [(1, "b", 1), (2, "a", 2)]
    assert own_file.read(path, item="x")[0].collect().rows() == [(1, 0, 1), (2, 0, 2)]


def test_parquet_may_hold_dates_and_whole_floats(tmp_path):
    path = tmp_path / "a.parquet"
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    pl.DataFrame({"uid": [1.0, 2.0], "iid": [1, 2], "ts": [day, day]}).write_parquet(path)
    assert own_file.read(path)[0].collect().rows() == [(1, 1, 1577836800), (2, 2, 1577836800)]
    pl.DataFrame({"uid": [1.5], "iid": [1]}).write_parquet(path)
    with pytest.raises(DataError, match="Float64"):
        own_file.read(path)


def test_parquet_with_gaps_is_refused_by_row(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"uid": [1, None, 3], "iid": ["a", "b", " "], "ts": [1, 2, 3]}).write_parquet(path)
    with pytest.raises(DataError, match=r"2 of 3 rows are malformed \(row 2: no user; row 3: no item\)"):
        own_file.read(path)
    assert own_file.read(path, skip_bad=True)[0].collect().rows() == [(1, "a", 1)]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (["7", "-3", "12"], [7, -3, 12]),
        (["07", "7"], ["07", "7"]),
        (["7.0", "7"], ["7.0", "7"]),
        (["a", "7"], ["a", "7"]),
        ([" a", "a"], [" a", "a"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),
        (["+7", "7"], ["+7", "7"]),
        (["nan", "NULL"], ["nan", "NULL"]),
    ],
)
def test_ids_are_kept_as_they_are(read, written, kept):
    rows, _ = read("user,item\n" + "".join(f"{name},1\n" for name in written))
    assert [row[0] for row in rows] == kept


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


BAD = {
    "no user": ",10,5",
    "no item": "1,,5",
    "no item ": "1,  ,5",
    "no time": "1,10,",
    "'soon' is no time": "1,10,soon",
    "'nan' is no time": "1,10,nan",
    "2 fields instead of 3": "1,10",
    "4 fields instead of 3": "1,10,5,6",
    "broken quoting": '1,"10"x,5',
    r"broken quoting \(unexpected end": '1,"10,5',
    "not UTF-8": b"1,a\xff,5",
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_malformed_row_is_refused_by_its_line_and_left_out_if_asked(read, reason, place):
    lines = [b"user,item,time", *(b"%d,10,%d" % (n, n) for n in range(1, 8))]
    row = BAD[reason]
    lines.insert(place + 1, row if isinstance(row, bytes) else row.encode())
    content = b"\n".join(lines) + b"\n"
    with pytest.raises(DataError, match=rf"1 of 8 rows is malformed \(line {place + 2}: {reason.strip()}"):
        read(content)
    rows, notes = read(content, skip_bad=True)
    assert [row[0] for row in rows] == list(range(1, 8))
    assert "1 malformed rows skipped" in notes


def test_rows_too_short_and_too_long_do_not_make_up_for_each_other(read):
    with pytest.raises(DataError, match=r"2 of 3 rows.*line 2: 2 fields instead of 3; line 3: 4 fields"):
        read("user,item,time\n1,2\n1,2,3,4\n1,2,3\n")


def test_only_the_first_malformed_rows_are_shown_and_all_are_counted(read):
    with pytest.raises(DataError, match=r"9 of 9 rows are .*line 2: .*line 3: .*line 4: [^;]*; and 6 more\)"):
        read("user,item,time\n" + "1,2,x\n" * 9)


def test_a_row_that_lacks_two_things_counts_once(read):
    with pytest.raises(DataError, match=r"1 of 2 rows is malformed \(line 2: no user\)"):
        read("user,item,time\n,,\n1,2,3\n")


def test_lines_are_counted_right_after_a_field_of_two_lines(read):
    with pytest.raises(DataError, match=r"line 4: no item"):
        read('user,item,text,time\n1,2,"a\nb",3\n1,,c,3\n')


def test_times_with_and_without_a_zone_do_not_mix(read):
    with pytest.raises(DataError, match="line 4"):
        read("user,item,time\n1,1,2020-01-01\n1,2,2020-01-02\n1,3,2020-01-01T00:00:00Z\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("user,item,time\n", "has no rows"),
        ("1,10,100\n2,20,200\n", "has no header"),
        ("a,b\nc,d\n", "no column looks like the user; its columns are a, b: give --user"),
        ("user,b\nc,d\n", "no column looks like the item"),
        ("user item\n1 2\n", "one column only"),
        ("user,user_id,item\n1,2,3\n", "is user or user_id the user"),
        ("\n" + GOOD, "one column only"),
        (b"\xff\xfeu\x00", "not UTF-8"),
        (b"user,item\x00,time\n", "not UTF-8"),
        ("user,item\r1,2\r3,4\r", "carriage returns"),
        ('user,"item\n1,2\n', "cannot be read as a header"),
        (b"PK\x03\x04zip", "of no kind that can be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(read, content, message):
    with pytest.raises(LinrecError, match=message) as caught:
        read(content)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.xlsx"])
def test_a_file_that_is_not_what_its_name_says_is_refused(read, name):
    with pytest.raises(DataError):
        read(b"\x1f\x8bno" if name.endswith("gz") else b"no such thing", name)


def test_a_truncated_archive_is_refused(read):
    packed = gzip.compress(GOOD.encode() + random.Random(0).randbytes(5000).hex().encode())
    with pytest.raises(DataError, match="whole"):
        read(packed[:-900], "a.csv.gz")


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


def test_without_a_time_column_the_order_of_the_file_is_said(read):
    rows, notes = read("user,item\n1,2\n1,1\n")
    assert rows == [(1, 2), (1, 1)]
    assert any("order of the file" in note for note in notes)


def test_what_was_recognised_is_said(read):
    assert read(GOOD)[1] == ["columns: user = user_id, item = item_id, time = timestamp"]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_large_file_is_read_the_same_both_ways(tmp_path, monkeypatch, quoted):
    rng = random.Random(0)
    rows = [(f"u{rng.randrange(50)}", f"é{rng.randrange(90)}", rng.randrange(10**9)) for _ in range(5000)]
    fill = '"a, ""b"""' if quoted else "x"
    path = tmp_path / "large.csv"
    path.write_text("user,item,text,time\n" + "".join(f"{u},{i},{fill},{t}\n" for u, i, t in rows))
    monkeypatch.setattr(regularity, "BLOCK", 997)
    monkeypatch.setattr(delimited, "RECORDS", 333)
    assert own_file.read(path)[0].collect().rows() == rows
    with monkeypatch.context() as patch:
        patch.setattr(regularity, "rows", lambda file: None)
        assert own_file.read(path)[0].collect().rows() == rows


def outcome(path):
    try:
        return own_file.read(path)[0].collect().rows()
    except DataError as error:
        return str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(text=st.text('12a,"\n\r ', max_size=40), last=st.sampled_from(["", "\n"]))
def test_whatever_the_quotes_and_breaks_polars_reads_as_the_strict_reader_does(tmp_path, text, last):
    path = tmp_path / "any.csv"
    path.write_bytes(f"user,item\n{text}{last}".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regularity, "BLOCK", 3)
        both = outcome(path)
        patch.setattr(regularity, "rows", lambda file: None)
        assert outcome(path) == both


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        own_file.read(tmp_path / "none.csv")


def test_the_name_of_a_file_loses_its_suffixes(tmp_path):
    assert [own_file.stem(tmp_path / n) for n in ("a.tsv.gz", "a.b.csv", "A.CSV", "a")] == [
        "a",
        "a.b",
        "A",
        "a",
    ]
