"""Files as people have them, whole and broken."""

import gzip
import random

import pytest

from linrec_cli.data.file.read import read as read_file
from linrec_cli.errors import DataError, LinrecError

GOOD = "user_id,item_id,timestamp\n1,10,100\n2,20,200\n"
ROWS = [(1, 10, 100), (2, 20, 200)]


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


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (["7", "-3", "12"], [7, -3, 12]),
        (["07", "7"], ["07", "7"]),
        (["7.0", "7"], [7, 7]),
        (["a", "7"], ["a", "7"]),
        ([" a", "a ", "b"], ["a", "a", "b"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),
        (["+7", "7"], ["+7", "7"]),
        (["7.0", "7.5"], ["7.0", "7.5"]),
    ],
)
def test_ids_are_kept_as_they_are(read, written, kept):
    rows, _ = read("user,item\n" + "".join(f"{name},1\n" for name in written))
    assert [row[0] for row in rows] == kept


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("user,item,time\n", "has no rows"),
        ("1,10,100\n2,20,200\n", "has no header"),
        ("a,b\nc,d\n", "no column looks like the user; its columns are a, b: give --user"),
        ("user,b\nc,d\n", "no column looks like the item"),
        ("user\n1\n", "one column only"),
        ("user,user_id,item\n1,2,3\n", "is user or user_id the user"),
        ("\n" + GOOD, "one column only"),
        (b"us\xff\xfeer,item\n1,2\n", "not UTF-8"),
        (b"user,item\x00,time\n", "not UTF-8"),
        ("user,item\r1,2\r3,4\r", "carriage returns"),
        ('user,"item\n1,2\n', "cannot be read as a header"),
        (b"PK\x03\x04zip", "not a zip file"),
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


def test_without_a_time_column_the_order_of_the_file_is_said(read):
    rows, notes = read("user,item\n1,2\n1,1\n")
    assert rows == [(1, 2), (1, 1)]
    assert any("order of the file" in note for note in notes)


def test_what_was_recognised_is_said(read):
    assert read(GOOD)[1] == ["columns: user = user_id, item = item_id, time = timestamp"]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_file(tmp_path / "none.csv")
