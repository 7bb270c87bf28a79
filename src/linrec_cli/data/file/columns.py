"""Which column of a file is the user, which the item and which the time."""

import re
from collections.abc import Sequence

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
         "content", "contentid"),
        ("parentasin", "artist", "artistid"),
        ("i",),
    ),
    "time": (
        ("timestamp", "ts", "unixtime", "unixtimestamp", "unixreviewtime", "eventtime", "timems", "times"),
        ("time", "datetime"),
        ("date", "createdat", "created"),
        ("t",),
    ),
}  # fmt: skip


def choose(header: Sequence[str], asked: dict[str, str | None], where: str) -> dict[str, int]:
    """Find the places of `user`, `item` and, where there is one, `time` in a header.

    Args:
        header: the names of the columns.
        asked: per role, the name that the person gave.
        where: the file, for the errors.

    Raises:
        UsageError: a name that was given is no column.
        DataError: a column is not recognised, or more than one could be meant.
    """
    found: dict[str, int] = {}
    for role in NAMES:
        name = asked.get(role)
        place = _recognised(header, role, where) if name is None else _named(header, name, role, where)
        if place is not None:
            found[role] = place
    if len(set(found.values())) < len(found):
        taken = ", ".join(f"--{role} {header[place]}" for role, place in found.items())
        raise UsageError(f"{where}: one column cannot stand for two things ({taken}); name different ones.")
    return found


def _named(header: Sequence[str], name: str, role: str, where: str) -> int:
    tests = (lambda n: n == name, lambda n: n.partition(":")[0] == name, lambda n: plain(n) == plain(name))
    for test in tests:
        places = [place for place, column in enumerate(header) if test(column)]
        if len(places) == 1:
            return places[0]
        if places:
            raise UsageError(f"{where} has {len(places)} columns '{name}'; give --{role} one that is there once.")
    raise UsageError(f"{where} has no column '{name}'; its columns are {shown(header)}: give --{role} one of them.")


def _recognised(header: Sequence[str], role: str, where: str) -> int | None:
    for group in NAMES[role]:
        places = [place for place, column in enumerate(header) if plain(column) in group]
        if len(places) > 1:
            both = " or ".join(header[place] for place in places)
            raise DataError(f"{where}: is {both} the {role}? Give --{role} one of them.")
        if places:
            return places[0]
    if role == "time":
        return None
    raise DataError(
        f"{where}: no column looks like the {role}; its columns are {shown(header)}: give --{role} one of "
        "them (the first line must name the columns)."
    )


def plain(name: str) -> str:
    """Reduce a name to what is compared: `User_ID:token` to `userid`."""
    return re.sub(r"[\W_]", "", name.partition(":")[0].lower())


def shown(header: Sequence[str]) -> str:
    """List the columns for an error, cut where there are too many."""
    return ", ".join(header[:30]) + (f", ... ({len(header)} in all)" if len(header) > 30 else "")
