"""Every form of a log reads as what it is, to the last row; what cannot be told is asked for, never guessed."""

import gzip
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from logs import DAYS, FORMS, LOG, USUAL, columns, histories, strftime, table, zipped

from linrec_cli import machine
from linrec_cli.data import origin
from linrec_cli.data.file.read import FILE_ORDER, UNTIMED, read
from linrec_cli.data.prepare import Prepared, prepare
from linrec_cli.errors import DataError, LinrecError

IN_FILE_ORDER = {
    "no header, order", "sasrec", "order of the file", "iso, day of the year", "iso, week", "month first, bare",
    "month by name", "day by name",
}  # fmt: skip
"""Forms whose events stand in the order of the file: they have no times, or a day each."""


def written(folder: Path, content: str | bytes, name: str) -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def found(made: Prepared) -> dict[str, list[str]]:
    """Lay out the raw ids of what was prepared, a user a list."""
    named = {"user": made.users.select("user", own="raw"), "item": made.items.select("item", name="raw")}
    frame = made.events
    for key, names in named.items():
        frame = frame.join(names, key, maintain_order="left")
    rows = frame.select(pl.col("own", "name").cast(pl.String)).rows()
    own: dict[str, list[str]] = {}
    for user, item in rows:
        own.setdefault(user, []).append(item)
    return own


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_as_the_same_log(tmp_path: Path, form: str) -> None:
    content, name, options, order = FORMS[form]
    log = read(written(tmp_path, content, name), **options)
    made = prepare(log.events, 0, 0)
    expected = histories(LOG, times=form not in IN_FILE_ORDER)
    assert found(made) == expected
    assert (made.card["users"], made.card["items"], made.card["interactions"]) == (12, 9, 120)
    assert log.order == order
    assert (UNTIMED in log.notes) == (order == FILE_ORDER)
    assert sum(note.startswith("columns: user = ") for note in log.notes) == 1


def head(*names: str) -> tuple[str, str, str]:
    return ("user", "item", *names)  # type: ignore[return-value]


ASKED: dict[str, tuple[str | bytes, str, dict[str, str], str]] = {
    "a time of its own name": (
        table(header=head("last_watch_dt")), "a.csv", {},
        r"is last_watch_dt the time\? Give --time last_watch_dt, or --time none if the order of the file",
    ),
    "a short one": (table(strftime("%Y-%m-%d"), header=head("t_dat"), log=DAYS), "a.csv", {}, "is t_dat the time"),
    "a day": (table(strftime("%Y%m%d"), header=head("DAY"), log=DAYS), "a.csv", {}, "is DAY the time"),
    "two that could be": (
        table(lambda t: f"9,{t}", header=head("timeframe,eventdate")).replace('"', ""), "a.csv", {},
        "is timeframe or eventdate the time",
    ),
    "epochs of no name": (table(header=head("v3")), "a.csv", {}, "is v3 the time"),
    "dates of no name": (table(strftime("%d %B %Y"), header=head("v3"), log=DAYS), "a.csv", {}, "is v3 the time"),
    "a number that grows in each history": (
        table(lambda t: str(t // 86_400_000), header=head("v3"), log=[(u, i, 86_400_000 * n) for n, (u, i, _) in
                                                                      enumerate(sorted(LOG))]).replace(",119", ",150"),
        "a.csv", {}, "is v3 the time",
    ),
    "a time of day alone": (
        table(strftime("%H:%M:%S"), header=head("time")), "a.csv", {},
        "time holds times of day alone; give the column of the date too, as --time DATE,time",
    ),
    "a time of day alone, told": (
        table(strftime("%H:%M:%S"), header=head("at")), "a.csv", {"time": "at"}, "at holds times of day alone",
    ),
    "a day beside an hour": (
        table(strftime("%Y-%m-%d,%H"), header=head("date,hour")).replace('"', ""), "a.csv", {},
        "date holds days alone; is hour the time of day\\? Give --time date,hour",
    ),
    "a number of hours and minutes beside a day": (
        table(strftime("%Y%m%d,%H%M"), header=head("date,time")).replace('"', ""), "a.csv", {},
        "is time the time of day to date\\? Give --time date,time, or one of the two",
    ),
    "names of several words": (
        "user,items\n1,Blue shirt\n2,Red hat\n", "a.csv", {}, "does items hold one item a row or several .'(Blue|Red)",
    ),
    "day or month first": (
        table(strftime("%m/%d/%Y"), log=[(u, i, 1_483_228_800 + 86_400 * (n % 12)) for n, (u, i, _) in enumerate(LOG)]),
        "a.csv", {}, "can be read as day-first or month-first; say which by --time-format day-first",
    ),
    "three numbers of two digits": (table(strftime("%d.%m.%y"), log=DAYS[:9]), "a.csv", {}, "can be read as"),
    "no time is read": (
        table(lambda t: "soon"), "a.csv", {"skip_bad": "yes"}, r"not one of the times is read \('soon'\); give their",
    ),
    "a blank that is the cause": (
        USUAL + "101,500,1 5\n", "a.csv", {}, r"1 of 121 rows is malformed \(line 122: '1 5' is no time\)",
    ),
    "a pattern that is none": (USUAL, "a.csv", {"time_format": "%Q"}, "%Q is no pattern|not one of the times"),
    "words for no value": (
        USUAL + "".join(f"{word},500,1\n" for word in ("NA", "NaN", "NULL", "None", chr(92) + "N", "-", "  ")),
        "a.csv", {}, "7 of 127 rows are malformed .*'NA' is no user; line 123: 'NaN' is no user",
    ),
    "ids that lost their digits": (
        "user,item\n" + "5.12E+08,1\n5.13E+08,2\n", "a.csv", {}, r"2 user ids are numbers that lost their digits \(5",
    ),
    "times for none of the items": (
        '{"user": 1, "items": [1, 2], "times": [1, 2]}\n{"user": 2, "items": [3], "times": null}\n', "a.jsonl", {},
        "row 2 has not as many times as items",
    ),
    "an empty line, then nothing that can be read": (
        '\n"a', "a.csv", {}, "one column only",
    ),
    "a history and the item after it": (
        "user_id:token\titem_id_list:token_seq\titem_id:token\n1\t2 3\t4\n", "a.inter", {},
        "each row holds a history .*item_id_list.* and the item after it",
    ),
    "histories and one time": (
        columns("items").replace("age", "time"), "a.inter", {}, "the times are not one for each",
    ),
    "no header, strings": ("a,b\nc,d\n", "a.csv", {}, "no column looks like the user.*--columns"),
    "no header, three numbers": ("1,2,3\n4,5,6\n", "a.csv", {}, "has no header: .*name its 3 columns by --columns"),
    "other columns than there are": (
        table(header=()), "a.csv", {"columns": "user,item"}, "--columns names 2 columns, and its lines have 3",
    ),
    "two files in an archive": (zipped(USUAL, ["a.csv", "b.csv"]), "a.zip", {}, r"holds 2 files \(a.csv, b.csv\)"),
    "an empty archive": (zipped(USUAL, []), "a.zip", {}, "holds no file"),
    "a spreadsheet": (zipped("x", ["xl/sheet.xml"]), "a.xlsx", {}, "is a spreadsheet; save its sheet as CSV"),
    "a tar archive": (b"\0" * 257 + b"ustar" + b"\0" * 999, "a.csv", {}, "is a tar archive"),
    "json that is none": ('{"user": 1, "item": 2}\n{"user": 1\n', "a.jsonl", {}, "line 2"),
    "a frame that is cut": (zstandard.compress(USUAL.encode())[:-9], "a.zst", {}, "ends within a frame.*is whole"),
    "a stream that is cut": (gzip.compress(USUAL.encode())[:-9], "a.gz", {}, "check that it is whole"),
    "binary": (bytes(range(256)) * 9, "a.csv", {}, "not UTF-8|carriage"),
}  # fmt: skip
"""By what cannot be told: content, name, what is said of it, and the message."""


@pytest.mark.parametrize("form", ASKED)
def test_what_cannot_be_told_is_asked_for_in_one_line(tmp_path: Path, form: str) -> None:
    content, name, options, message = ASKED[form]
    given = {key: value == "yes" if key == "skip_bad" else value for key, value in options.items()}
    with pytest.raises(LinrecError, match=message) as caught:
        read(written(tmp_path, content, name), **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code in (2, 3)


def test_what_a_column_holds_decides_only_where_its_name_does_not(tmp_path: Path) -> None:
    """A rating, and rows counted through, are no times: the file's order is taken, and said."""
    for column in (lambda n: n % 5, lambda n: n, lambda n: "a word"):
        rows = "".join(f"{u},{i},{column(n)}\n" for n, (u, i, _) in enumerate(LOG))
        assert read(written(tmp_path, "user,item,v3\n" + rows, "a.csv")).order == FILE_ORDER


def test_rows_without_a_user_are_counted_and_left_out(tmp_path: Path) -> None:
    log = read(written(tmp_path, USUAL + "NULL,500,1\n,500,1\n101,,1\n", "a.csv"), skip_bad=True)
    assert found(prepare(log.events, 0, 0)) == histories(LOG)
    assert "3 malformed rows skipped (2 without user, 1 without item)" in log.notes


def test_times_that_are_rounded_are_said(tmp_path: Path) -> None:
    log = read(written(tmp_path, table(lambda t: f"{t:.5E}"), "a.csv"))
    assert any(note.startswith("120 times are rounded") for note in log.notes)


@pytest.mark.parametrize("source", ["parts", "parts/*.csv", "parts/a.csv,parts/b.csv"])
def test_several_files_are_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "parts"
    folder.mkdir()
    written(folder, table(log=LOG[:50]), "a.csv")
    written(folder, table(log=LOG[50:]), "b.csv")
    written(folder, "", "_SUCCESS")
    written(folder, "x", ".a.csv.crc")
    log = read(source)
    assert found(prepare(log.events, 0, 0)) == histories(LOG)
    assert "2 files, a.csv to b.csv" in log.notes


def test_files_that_are_split_keep_their_parts(tmp_path: Path) -> None:
    parts = [written(tmp_path, table(log=log), f"{n}.csv") for n, log in enumerate((LOG[:90], LOG[90:100], LOG[100:]))]
    log = read(parts[0], valid=str(parts[1]), test=str(parts[2]))
    made = prepare(log.events, 5, 5)
    assert made.card["interactions"] == 120
    expected: dict[str, list[str]] = {}
    for part in (LOG[:90], LOG[90:100], LOG[100:]):
        for user, items in histories(part).items():
            expected.setdefault(user, []).extend(items)
    assert found(made) == expected
    assert made.events["part"].value_counts().sort("part").rows() == [(0, 90), (1, 10), (2, 20)]
    whole = prepare(log.events.drop("part"), 0, 0)
    assert whole.digest != made.digest


@pytest.mark.parametrize(
    "kind", [pl.Int32, pl.UInt64, pl.Float64, pl.String, pl.Categorical, pl.Binary, pl.Decimal(20, 0)]
)
def test_parquet_of_every_type_reads_the_same(tmp_path: Path, kind: pl.DataType) -> None:
    frame = pl.DataFrame(LOG, schema=["user", "item", "time"], orient="row")
    through = pl.col("user").cast(pl.String if kind in (pl.Categorical, pl.Binary) else kind)
    frame.with_columns(through.cast(kind)).write_parquet(tmp_path / "a.parquet")
    assert found(prepare(read(tmp_path / "a.parquet").events, 0, 0)) == histories(LOG)


def test_parquet_of_more_rows_than_there_is_memory_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl.DataFrame({"user": ["u"] * 1000, "item": ["i"] * 1000}).write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(machine, "memory", lambda: 8000)
    assert len(read(tmp_path / "a.parquet").events.collect()) == 1000
    monkeypatch.setattr(machine, "memory", lambda: 7999)
    with pytest.raises(DataError, match=r"says that it has 1,000 rows.*; give a part of it\."):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_times_of_every_unit_and_lists_read_the_same(tmp_path: Path, unit: str) -> None:
    frame = pl.DataFrame(LOG, schema=["user", "item", "time"], orient="row")
    moments = pl.from_epoch("time").cast(pl.Datetime(unit))  # type: ignore[arg-type]
    frame = frame.with_columns(moments)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.group_by("user").agg("item", "time").write_parquet(tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        assert found(prepare(read(tmp_path / name).events, 0, 0)) == histories(LOG)


def test_a_quote_between_tabs_is_a_letter(tmp_path: Path) -> None:
    rows = "".join(f'{u}\t{i}\t{t}\t12" single "live\n' for u, i, t in LOG)
    log = read(written(tmp_path, rows, "a.tsv"), columns="user,item,time,_")
    assert found(prepare(log.events, 0, 0)) == histories(LOG)


def test_uuids_and_truths_are_ids(tmp_path: Path) -> None:
    frame = pl.DataFrame(LOG, schema=["user", "item", "time"], orient="row")
    raw = [bytes([200, user]) * 8 for user in frame["user"]]
    frame.with_columns(user=pl.Series(raw), item=pl.col("item") > 503).write_parquet(tmp_path / "a.parquet")
    made = prepare(read(tmp_path / "a.parquet").events, 0, 0)
    assert made.users["raw"][0] == "c865" * 8
    assert made.items["raw"].to_list() == ["false", "true"]


def test_files_of_one_log_share_the_unit_of_their_times_and_the_type_of_their_ids(tmp_path: Path) -> None:
    when = strftime("%Y-%m-%d %H:%M:%S")
    first = "".join(f"{u},{i},{when(t)}\n" for u, i, t in LOG[:60])
    second = "".join(f"{u}.0,{i},{when(t)}.500\n" for u, i, t in LOG[60:])
    for name, rows in (("a.csv", first), ("b.csv", second)):
        written(tmp_path, f"user,item,time\n{rows}", name)
    log = read(f"{tmp_path}/?.csv")
    made = prepare(log.events, 0, 0)
    assert made.users["raw"].dtype == pl.Int64
    assert found(made) == histories(LOG)
    written(tmp_path, "user,item,time\n1,2,soon\n", "b.csv")
    with pytest.raises(LinrecError, match=r"1 of 61 rows is malformed \(b.csv, line 2: 'soon' is no time\)"):
        read(f"{tmp_path}/?.csv")


def test_what_stands_in_the_names_of_folders_is_a_column(tmp_path: Path) -> None:
    for user, item, time in DAYS:
        folder = tmp_path / "log" / f"day={strftime('%Y-%m-%d')(time)}"
        folder.mkdir(parents=True)
        pl.DataFrame({"user": [user], "item": [item]}).write_parquet(folder / "part-0.parquet")
    with pytest.raises(LinrecError, match="is day the time"):
        read(tmp_path / "log")
    log = read(tmp_path / "log", time="day")
    assert found(prepare(log.events, 0, 0)) == histories(DAYS)


def test_a_folder_that_has_another_name_is_other_data(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "day=2020-01-31"
    folder.mkdir(parents=True)
    pl.DataFrame({"user": [1], "item": [2]}).write_parquet(folder / "a.parquet")
    asked = {"time": "day"}
    first = origin.find(str(tmp_path / "log"), tmp_path, asked, lambda _: None).identity
    assert origin.find(str(tmp_path / "log"), tmp_path, asked, lambda _: None).identity == first
    folder.rename(tmp_path / "log" / "day=2020-03-05")
    assert origin.find(str(tmp_path / "log"), tmp_path, asked, lambda _: None).identity != first


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_two_colons_and_two_blanks_within_an_id_are_letters(tmp_path: Path, name: str) -> None:
    ids = ["ns::a::b", "ns::c::d", "x  y::z"]
    rows = {
        "a.csv": "user,item,time\n" + "".join(f"1,{one},{n}\n" for n, one in enumerate(ids)),
        "a.jsonl": "".join(f'{{"user":1,"item":"{one}","ts":{n}}}\n' for n, one in enumerate(ids)),
    }
    assert [row[1] for row in read(written(tmp_path, rows[name], name)).events.collect().rows()] == ids


def test_a_pattern_is_followed_also_where_times_are_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, '{"user":1,"item":2,"ts":20170304}\n', "a.jsonl")
    assert read(path, time_format="%Y%m%d").events.collect()["time"].to_list() == [1488585600]


def test_rows_counted_through_are_no_column_of_a_nested_file(tmp_path: Path) -> None:
    path = written(tmp_path, '{"user":1,"item":2,"note":"x"}\n', "a.jsonl")
    with pytest.raises(LinrecError, match="its columns are user, item, note: give"):
        read(path, user="line_")


BITS = [b",", b"\n", b'"', b"\t", b"::", b"NaN", b"[", b"1e99", b"\xff", b"\0", b" ", b";", b"9" * 30]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Change, take out and put in a few bytes, or cut the end off."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 2, 5, 40))):
        place, kind = chance.randrange(len(made) or 1), chance.randrange(4)
        if kind == 0 and made:
            made[place] = chance.randrange(256)
        elif kind == 1:
            del made[place : place + chance.choice((1, 3, 50))]
        elif kind == 2:
            made[place:place] = chance.choice(BITS)
        else:
            del made[place:]
    return bytes(made)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_damaged_ends_in_rows_or_in_one_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for form in chance.sample(sorted(FORMS), 25):
        content, name, options, _ = FORMS[form]
        path = written(tmp_path, damaged(content if isinstance(content, bytes) else content.encode(), chance), name)
        said = ""
        try:
            prepare(read(path, skip_bad=chance.random() < 0.5, **options).events, 0, 0)  # type: ignore[arg-type]
        except LinrecError as error:
            said = str(error)
        assert "\n" not in said
        path.unlink()
