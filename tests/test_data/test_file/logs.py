"""One small log in the many forms that people have it in, and what it is, from plain Python alone."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

import zstandard

Event = tuple[int, int, int]
START = 1_500_000_000


def events(seed: int = 0, users: int = 12, items: int = 9) -> list[Event]:
    """Draw users, items and seconds, all different, in no order."""
    rng = random.Random(seed)
    # Days above the twelfth are among them, so that day and month can be told apart.
    times = rng.sample(range(START, START + 40_000_000, 3600), 120)
    return [(rng.randrange(users) + 101, rng.randrange(items) + 500, time) for time in times]


LOG = events()
DAYS = [(user, item, START - START % 86400 + 86400 * n) for n, (user, item, _) in enumerate(LOG)]
"""The same without a time of day, a day each, in the order of the file."""


def histories(log: Iterable[Event], times: bool = True) -> dict[str, list[str]]:
    """Lay out the items of each user in order, as texts: what every reader must come to."""
    found: dict[str, list[str]] = defaultdict(list)
    for user, item, _ in sorted(log, key=lambda event: event[2]) if times else log:
        found[str(user)].append(str(item))
    return dict(found)


def at(time: int, zone: timezone = UTC) -> datetime:
    """Give seconds since 1970 as a date-time."""
    return datetime.fromtimestamp(time, UTC).astimezone(zone)


def table(
    written: Callable[[int], str] = str,
    separator: str = ",",
    header: Sequence[str] = ("user_id", "item_id", "timestamp"),
    log: Sequence[Event] = LOG,
    quote: bool = False,
    end: str = "\n",
) -> str:
    """Write a row an event; without a header none is written."""
    file = io.StringIO()
    style = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=style)
    rows = [(user, item, written(time)) for user, item, time in log]
    writer.writerows([header, *rows] if header else rows)
    return file.getvalue()


def strftime(form: str, zone: timezone = UTC) -> Callable[[int], str]:
    """Write times by a pattern."""
    return lambda time: at(time, zone).strftime(form)


def bare(form: str) -> Callable[[int], str]:
    """Write times by a pattern, numbers without leading zeros."""
    return lambda time: "/".join(part.lstrip("0") for part in at(time).strftime(form).split("/"))


BERLIN = timezone(timedelta(hours=2))
USUAL = table()


def zipped(text: str, names: Sequence[str] = ("log.csv",)) -> bytes:
    """Pack a text, once for each name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, text)
    return file.getvalue()


def lines(separator: str) -> str:
    """Write a user and all their items a line."""
    return "".join(separator.join([user, *items]) + "\n" for user, items in histories(LOG).items())


def json_lines(log: Sequence[Event] = LOG) -> str:
    return "".join(json.dumps({"user_id": u, "item_id": i, "timestamp": t, "x": None}) + "\n" for u, i, t in log)


def nested() -> str:
    """Write a session a line, its events as objects."""
    own: dict[int, list[dict[str, int]]] = defaultdict(list)
    for user, item, time in LOG:
        own[user].append({"aid": item, "ts": time})
    return "".join(json.dumps({"session": user, "events": rows}) + "\n" for user, rows in own.items())


def columns(name: str) -> str:
    """Write the items of each user in one field, in order, beside a column of another kind."""
    return f"user_id\t{name}\tage\n" + "".join(
        f"{user}\t{' '.join(items)}\t9\n" for user, items in histories(LOG).items()
    )


def spoilt(user: str, item: str) -> str:
    """Write the log with every second row's ids in another way."""
    odd = [(user.format(u), item.format(i), t) if n % 2 else (u, i, t) for n, (u, i, t) in enumerate(LOG)]
    return "user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in odd)


RECBOLE = ("user_id:token", "item_id:token", "timestamp:float")
FORMS: dict[str, tuple[str | bytes, str, dict[str, str], str]] = {
    # Layouts.
    "comma": (USUAL, "a.csv", {}, "timestamp"),
    "tab": (table(separator="\t"), "a.tsv", {}, "timestamp"),
    "semicolon": (table(separator=";"), "a.csv", {}, "timestamp"),
    "bar": (table(separator="|"), "a.txt", {}, "timestamp"),
    "blank": (table(separator=" "), "a.txt", {}, "timestamp"),
    "blanks, aligned": (table().replace(",", "     "), "a.txt", {}, "timestamp"),
    "colons, header": (table().replace(",", "::"), "ratings.csv", {}, "timestamp"),
    "colons, none": (table(lambda t: f"4,{t}", header=()).replace('"', "").replace(",", "::"), "r.dat", {}, "time"),
    "any suffix": (USUAL, "clicks.dat", {}, "timestamp"),
    "no suffix": (USUAL, "clicks", {}, "timestamp"),
    "windows": (table(end="\r\n"), "a.csv", {}, "timestamp"),
    "byte order mark": ("\ufeff" + USUAL, "a.csv", {}, "timestamp"),
    "quoted": (table(quote=True), "a.csv", {}, "timestamp"),
    "recbole": (table(lambda t: f"{t}.0", "\t", RECBOLE), "a.inter", {}, "timestamp:float"),
    "sep line": ("sep=;\n" + table(separator=";"), "a.csv", {}, "timestamp"),
    "empty fields at the end": (USUAL.replace("\n", ",,,\n"), "a.csv", {}, "timestamp"),
    "empty rows at the end": (table(separator=";") + ";;;\n;;\n", "a.csv", {}, "timestamp"),
    "utf-16": (USUAL.encode("utf-16"), "a.txt", {}, "timestamp"),
    "utf-16, big end first": (b"\xfe\xff" + USUAL.encode("utf-16-be"), "a.txt", {}, "timestamp"),
    "no header, byte order mark": (
        "\ufeff" + table(lambda t: f"3,{t}", header=()).replace('"', ""), "a.csv", {}, "time"
    ),
    "no header, columns": (table(header=()), "a.csv", {"columns": "user,item,time"}, "time"),
    "header, columns": (USUAL, "a.csv", {"columns": "user,item,time"}, "time"),
    "no header, rating": (table(lambda t: f"3,{t}", header=()).replace('"', ""), "u.data", {}, "time"),
    "no header, order": (
        table(lambda t: "x", header=()),
        "a.csv",
        {"columns": "user,item,_"},
        "file order",
    ),
    "yoochoose": (
        "".join(f"{u},{at(t).strftime('%Y-%m-%dT%H:%M:%S.000Z')},{i},0\n" for u, i, t in LOG),
        "yoochoose-clicks.dat",
        {"columns": "user,time,item,_"},
        "time",
    ),
    "sasrec": ("".join(f"{u} {i}\n" for u, i, _ in LOG), "Beauty.txt", {}, "file order"),
    "a line a user": (lines(" "), "Beauty.txt", {}, "file order"),
    "a line a user, tabs": (lines("\t"), "train.txt", {}, "file order"),
    "a line a user, told": (lines(","), "a.csv", {"columns": "user,items"}, "file order"),
    "list in a column": (columns("item_id_list:token_seq"), "a.inter", {"time": "none"}, "file order"),
    "list of numbers": (columns("items").replace("age", "x"), "a.tsv", {"time": "none"}, "file order"),
    "one item in a column of items": (table(header=("user", "items", "t")), "a.csv", {}, "t"),
    "list in brackets": (
        "user;item\n" + "".join(f"{u};[{', '.join(i)}]\n" for u, i in histories(LOG).items()), "a.csv", {}, "file order"
    ),
    "json lines": (json_lines(), "a.jsonl", {}, "timestamp"),
    "list in braces": (
        "user;item\n" + "".join(f"{u};{{{','.join(i)}}}\n" for u, i in histories(LOG).items()),
        "a.csv", {}, "file order",
    ),
    "a header of letters, columns": (table(header=("u", "i", "t")), "a.csv", {"columns": "user,item,time"}, "time"),
    "blanks of no width": (spoilt("{}\u200b", "\u00a0{}"), "a.csv", {}, "timestamp"),
    "zst of two frames": (
        zstandard.compress(USUAL[:999].encode()) + zstandard.compress(USUAL[999:].encode()), "a.zst", {}, "timestamp"
    ),
    "json, one list": (json.dumps([json.loads(line) for line in json_lines().splitlines()]), "a.json", {}, "timestamp"),
    "json lines, nested": (nested(), "otto.jsonl", {}, "ts"),
    # Times.
    "milliseconds": (table(lambda t: str(t * 1000)), "a.csv", {}, "timestamp"),
    "nanoseconds": (table(lambda t: str(t * 10**9)), "a.csv", {}, "timestamp"),
    "nanoseconds as a float": (table(lambda t: f"{t * 10**9}.0"), "a.csv", {}, "timestamp"),
    "all digits with an exponent": (table(lambda t: f"{t / 1e9:.9f}E+09"), "a.csv", {}, "timestamp"),
    "decimal comma": (table(lambda t: f"{t},5", ";"), "a.csv", {}, "timestamp"),
    "iso": (table(strftime("%Y-%m-%dT%H:%M:%SZ")), "a.csv", {}, "timestamp"),
    "iso, comma": (table(strftime("%Y-%m-%d %H:%M:%S,250"), ";"), "a.csv", {}, "timestamp"),
    "iso, basic": (table(strftime("%Y%m%dT%H%M%SZ")), "a.csv", {}, "timestamp"),
    "iso, minutes": (table(strftime("%Y-%m-%d %H:%M")), "a.csv", {}, "timestamp"),
    "iso, hour": (table(strftime("%Y-%m-%d %H")), "a.csv", {}, "timestamp"),
    "iso, day of the year": (table(strftime("%Y-%j"), log=DAYS), "a.csv", {}, "timestamp"),
    "iso, week": (table(strftime("%G-W%V-%u"), log=DAYS), "a.csv", {}, "timestamp"),
    "utc": (table(strftime("%Y-%m-%d %H:%M:%S UTC")), "a.csv", {}, "timestamp"),
    "offset": (table(strftime("%Y-%m-%d %H:%M:%S %z", BERLIN)), "a.csv", {}, "timestamp"),
    "zone": (table(strftime("%Y-%m-%d %H:%M:%S CEST", BERLIN)), "a.csv", {}, "timestamp"),
    "region": (table(strftime("%Y-%m-%d %H:%M:%S Asia/Tokyo", timezone(timedelta(hours=9)))), "a.csv", {}, "timestamp"),
    "offset of utc": (table(strftime("%Y-%m-%d %H:%M:%S UTC+2", BERLIN)), "a.csv", {}, "timestamp"),
    "region that begins as a half of the day": (
        table(strftime("%Y-%m-%d %H:%M:%S America/Belem", timezone(timedelta(hours=-3)))), "a.csv", {}, "timestamp"
    ),
    "slashes": (table(strftime("%Y/%m/%d %H:%M:%S")), "a.csv", {}, "timestamp"),
    "month first": (table(strftime("%m/%d/%Y %I:%M %p")), "a.csv", {}, "timestamp"),
    "month first, bare": (table(bare("%m/%d/%Y"), log=DAYS), "a.csv", {}, "timestamp"),
    "day first": (table(strftime("%d.%m.%Y %H:%M")), "a.csv", {}, "timestamp"),
    "two digits, told": (table(strftime("%d.%m.%y %H:%M")), "a.csv", {"time_format": "day-first"}, "timestamp"),
    "pattern, told": (table(strftime("%H:%M on %d %m %Y")), "a.csv", {"time_format": "%H:%M on %d %m %Y"}, "timestamp"),
    "rfc 2822": (table(strftime("%a, %d %b %Y %H:%M:%S +0000"), ";"), "a.csv", {}, "timestamp"),
    "twitter": (table(strftime("%a %b %d %H:%M:%S +0000 %Y")), "a.csv", {}, "timestamp"),
    "apache": (table(strftime("%d/%b/%Y:%H:%M:%S +0000")), "a.csv", {}, "timestamp"),
    "unix": (table(strftime("%a %b %d %H:%M:%S UTC %Y")), "a.csv", {}, "timestamp"),
    "month by name": (table(strftime("%b %d, %Y"), ";", log=DAYS), "a.csv", {}, "timestamp"),
    "day by name": (table(strftime("%d-%B-%Y"), log=DAYS), "a.csv", {}, "timestamp"),
    "own name": (table(header=("user", "item", "last_watch_dt")), "a.csv", {"time": "last_watch_dt"}, "last_watch_dt"),
    "date and clock": (table(strftime("%Y-%m-%d,%H:%M"), header=("user", "item", "date", "time")).replace('"', ""),
                       "a.csv", {}, "date,time"),
    "date and hour": (table(strftime("%Y%m%d,%H"), header=("user", "item", "date", "hour")).replace('"', ""),
                      "a.csv", {"time": "date,hour"}, "date,hour"),
    "date and number": (table(strftime("%Y-%m-%d,%H%M"), header=("user", "item", "day", "at")).replace('"', ""),
                        "a.csv", {"time": "day,at"}, "day,at"),
    "order of the file": (table(header=("user", "item", "last_watch_dt")), "a.csv", {"time": "none"}, "file order"),
    # Ids.
    "blanks around ids": (spoilt("{} ", " {}"), "a.csv", {}, "timestamp"),
    "ids with a point": (spoilt("{}.0", "{}.00"), "a.csv", {}, "timestamp"),
    # Containers.
    "gz": (gzip.compress(USUAL.encode()), "a.csv.gz", {}, "timestamp"),
    "gz of two members": (gzip.compress(USUAL[:999].encode()) + gzip.compress(USUAL[999:].encode()), "a.csv.gz", {},
                          "timestamp"),
    "gz under another name": (gzip.compress(USUAL.encode()), "a.csv", {}, "timestamp"),
    "bz2": (bz2.compress(USUAL.encode()), "a.csv.bz2", {}, "timestamp"),
    "xz": (lzma.compress(USUAL.encode()), "a.csv.xz", {}, "timestamp"),
    "zst": (zstandard.compress(USUAL.encode()), "a.csv.zst", {}, "timestamp"),
    "zip": (zipped(USUAL), "a.zip", {}, "timestamp"),
    "zip with what a system adds": (zipped(USUAL, ["log.csv", "__MACOSX/._log.csv"]), "a.csv.zip", {}, "timestamp"),
    "json lines, packed": (gzip.compress(json_lines().encode()), "a.jsonl.gz", {}, "timestamp"),
    "utf-16, packed": (bz2.compress(USUAL.encode("utf-16")), "a.txt.bz2", {}, "timestamp"),
}  # fmt: skip
"""By what is special: content, name, what is said of it, and what its events are ordered by."""
