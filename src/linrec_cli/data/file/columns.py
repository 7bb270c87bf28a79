"""Which column of a log is the user, which the item, and which one or two the time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from linrec_cli.data.file import moments
from linrec_cli.errors import DataError, UsageError

# Per role, groups of names: the first group that the file has decides, and must be had once. Names are
# compared in lower case, without RecBole's `:type`, and without anything but letters and digits.
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        ("user", "userid", "uid", "userkey", "username"),
        ("customer", "customerid", "reviewerid", "visitorid", "memberid", "accountid",
         "clientid", "profileid"),
        ("session", "sessionid"),
        ("u",),
    ),
    "item": (
        ("item", "itemid", "iid", "itemkey"),
        ("movie", "movieid", "video", "videoid", "product", "productid", "asin", "sku", "track", "trackid",
         "song", "songid", "book", "bookid", "isbn", "article", "articleid", "news", "newsid", "game",
         "gameid", "business", "businessid", "location", "locationid", "poi", "poiid", "venue", "venueid",
         "content", "contentid", "stockcode", "aid"),
        ("parentasin", "artist", "artistid"),
        ("items", "itemids", "itemlist", "itemidlist", "itemsequence", "itemseq", "history"),
        ("i",),
    ),
    "time": (
        ("timestamp", "ts", "unixtime", "unixtimestamp", "unixreviewtime", "eventtime", "timems", "times"),
        ("time", "datetime"),
        ("date", "createdat", "created"),
        ("t",),
    ),
}  # fmt: skip
NONE = "none"
"""Says in place of a column that the order of the file is the order of time."""


class Asked(NamedTuple):
    """What the person said of the columns: a name for each role, of times up to two with a comma between, or `none`."""

    user: str | None = None
    item: str | None = None
    time: str | None = None


class Sample(NamedTuple):
    """What the first rows hold: texts by column, in the order of the header."""

    columns: Sequence[Sequence[str]]

    def of(self, place: int) -> Sequence[str]:
        """Give what one column holds."""
        return self.columns[place] if place < len(self.columns) else ()


def choose(header: Sequence[str], asked: Asked, where: str, sample: Sample) -> dict[str, int]:
    """Find the places of `user`, `item` and, where the events have times, `time` and `clock` in a header.

    Args:
        header: the names of the columns.
        where: the file, for the errors.
        sample: what the columns hold.

    Raises:
        UsageError: a name that was given is no column.
        DataError: a column is not recognised, or more than one could be meant.
    """
    found: dict[str, int] = {}
    for role in ("user", "item"):
        name = getattr(asked, role)
        found[role] = _recognised(header, role, where) if name is None else _named(header, name, role, where)
    apart(header, found, where)
    found |= _times(header, asked.time, where, sample, list(found.values()))
    apart(header, found, where)
    return found


def apart(header: Sequence[str], found: Mapping[str, int], where: str) -> None:
    """Refuse one column in two roles.

    Raises:
        UsageError: there is one.
    """
    if len(set(found.values())) < len(found):
        taken = ", ".join(f"--{role} {header[place]}" for role, place in found.items())
        raise UsageError(f"{where}: one column cannot stand for two things ({taken}); name different ones.")


def _times(header: Sequence[str], asked: str | None, where: str, sample: Sample, taken: list[int]) -> dict[str, int]:
    """Find the column of times, and that of times of day where dates stand apart."""
    if asked is not None:
        return _told(header, asked, where, sample)
    place = next((p for group in NAMES["time"] for p in _of(header, group, "time", where)), None)
    left = [p for p in range(len(header)) if p not in (place, *taken)]
    if place is None:
        held = sample.of(taken[0])
        able = [header[p] for p in left if moments.possible(header[p], sample.of(p), held)]
        if able:
            raise DataError(
                f"{where}: is {' or '.join(able[:5])} the time? Give --time {able[0]}, or --time none if the order of "
                "the file is the order of time."
            )
        return {}
    days = [p for p in left if moments.days(sample.of(p))]
    if days and moments.small(sample.of(place)):
        raise DataError(
            f"{where}: is {header[place]} the time of day to {header[days[0]]}? Give --time {header[days[0]]},"
            f"{header[place]}, or one of the two."
        )
    if moments.clock(sample.of(place)):
        if len(days) == 1:
            return {"time": days[0], "clock": place}
        told = f"{header[days[0]] if days else 'DATE'},{header[place]}"
        raise DataError(
            f"{where}: {header[place]} holds times of day alone; give the column of the date too, as --time {told}, or "
            "--time none if the order of the file is the order of time."
        )
    clocks = [p for p in left if moments.beside(header[p], sample.of(p))]
    if clocks and moments.days(sample.of(place)):
        if len(clocks) == 1 and moments.clock(sample.of(clocks[0])):
            return {"time": place, "clock": clocks[0]}
        raise DataError(
            f"{where}: {header[place]} holds days alone; is {header[clocks[0]]} the time of day? Give --time "
            f"{header[place]},{header[clocks[0]]}, or --time {header[place]}."
        )
    return {"time": place}


def _told(header: Sequence[str], asked: str, where: str, sample: Sample) -> dict[str, int]:
    """Find the columns that were named."""
    if asked == NONE and NONE not in header:
        return {}
    pair = [name.strip() for name in asked.split(",")]
    if len(pair) == 2 and asked not in header:
        return {role: _named(header, name, "time", where) for role, name in zip(("time", "clock"), pair, strict=True)}
    place = _named(header, asked, "time", where)
    if moments.clock(sample.of(place)):
        raise UsageError(
            f"{where}: {header[place]} holds times of day alone; give the column of the date too, as --time "
            f"DATE,{header[place]}."
        )
    return {"time": place}


def _named(header: Sequence[str], name: str, role: str, where: str) -> int:
    tests = (lambda n: n == name, lambda n: n.partition(":")[0] == name, lambda n: plain(n) == plain(name))
    for test in tests:
        places = [place for place, column in enumerate(header) if test(column)]
        if len(places) == 1:
            return places[0]
        if places:
            raise UsageError(f"{where} has {len(places)} columns '{name}'; give --{role} one that is there once.")
    raise UsageError(f"{where} has no column '{name}'; its columns are {shown(header)}: give --{role} one of them.")


def _of(header: Sequence[str], group: Sequence[str], role: str, where: str) -> list[int]:
    """Find the column of a group of names; there must be one at most."""
    places = [place for place, column in enumerate(header) if plain(column) in group]
    if len(places) > 1:
        both = " or ".join(header[place] for place in places)
        raise DataError(f"{where}: is {both} the {role}? Give --{role} one of them.")
    return places


def _recognised(header: Sequence[str], role: str, where: str) -> int:
    for group in NAMES[role]:
        for place in _of(header, group, role, where):
            return place
    raise DataError(
        f"{where}: no column looks like the {role}; its columns are {shown(header)}: give --{role} one of "
        "them (of a file that names none, --columns names all in their order)."
    )


def plain(name: str) -> str:
    """Reduce a name to what is compared: `User_ID:token` to `userid`."""
    return re.sub(r"[\W_]", "", name.partition(":")[0].lower())


def shown(header: Sequence[str]) -> str:
    """List the columns for an error, cut where there are too many."""
    return ", ".join(header[:30]) + (f", ... ({len(header)} in all)" if len(header) > 30 else "")


def asked(named: Mapping[str, Any]) -> Asked:
    """Take what was said of the columns from the settings."""
    return Asked(*(named.get(role) for role in ("user", "item", "time")))
