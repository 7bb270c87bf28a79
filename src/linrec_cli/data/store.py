"""Prepared data sets on disk: made once, then read back, from a name, a specification or a file."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli import catalog, disk
from linrec_cli.data.download import fetch
from linrec_cli.data.download.source import Event
from linrec_cli.data.file import suffixes
from linrec_cli.data.file.read import read
from linrec_cli.data.prepare import Prepared, digest, prepare
from linrec_cli.errors import DataError, UsageError

# Raise this whenever the same input would be prepared into something else.
FORMAT = 2
TABLES, CARD = ("events", "users", "items"), "card.toml"

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where events come from: their name, what tells them apart, and how to read them.

    Attributes:
        read: gives the events, what there is to say of their items (None without) and notes.
        facts: what else the card should say.
    """

    name: str
    identity: list[Any]
    read: Callable[[], tuple[pl.LazyFrame, pl.LazyFrame | None, list[str]]]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


def open_prepared(
    source: str,
    data_dir: Path,
    *,
    min_user: int = 5,
    min_item: int = 5,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    skip_bad: bool = False,
    fresh: bool = False,
    report: Say | None = None,
) -> Prepared:
    """Open a prepared data set, and prepare it first where that was not done yet.

    Args:
        source: a name of the catalog (fetched on first use), `synthetic:...`, or the path of a file.
        data_dir: the folder of the data sets; the result lies in `<data_dir>/<name>/prepared-<key>/`.
        min_user: a user with fewer events is dropped.
        min_item: the same for items.
        user: the column of a file that holds the user; None to recognise it.
        item: the same for the item.
        time: the same for the time.
        skip_bad: whether to leave malformed rows of a file out.
        fresh: prepare anew even if it was done.
        report: is told in one line what is done.

    Raises:
        UsageError: there is no such data set, or an option that only files take was given for one.
        DataError: the data cannot be had or read, or nothing is left of it.
    """
    say = report or (lambda line: None)
    asked = {"user": user, "item": item, "time": time, "skip_bad": skip_bad}
    found = find(source, data_dir, asked, say)
    identity = json.dumps([FORMAT, found.identity, min_user, min_item])
    key = hashlib.sha256(identity.encode()).hexdigest()[:12]
    folder = data_dir / folder_name(found.name) / f"prepared-{key}"
    if not fresh and (kept := load(folder, found.name, say)):
        return kept
    with disk.locked(folder.parent, lambda: say(f"waiting for another process that is at work on {folder.parent}")):
        # Another process may have prepared it while this one waited.
        if not fresh and (kept := load(folder, found.name, say)):
            return kept
        say(f"preparing {found.name}")
        events, items, notes = found.read()
        for note in notes:
            say(note)
        made = prepare(events, min_user, min_item, items)
        card = {"name": found.name, "format": FORMAT, "digest": made.digest, **made.card, "notes": notes, **found.facts}
        made = dataclasses.replace(made, name=found.name, folder=folder, card=card)
        save(made, folder)
    say(f"wrote {folder}")
    return made


def find(source: str, data_dir: Path, asked: dict[str, Any], say: Say) -> Origin:
    """Find what `source` means.

    Raises:
        UsageError: it means nothing; the message lists the catalog.
    """
    if suffixes.is_file(source):
        return _file(Path(source), asked)
    if given := [f"--{option.replace('_', '-')}" for option, value in asked.items() if value]:
        raise UsageError(f"{', '.join(given)} only fits a file; {source} is no file, so leave it out.")
    name = catalog.parse(source)[0]
    if name not in catalog.names("datasets"):
        wrong = catalog.unknown("data set", source, catalog.names("datasets"))
        raise UsageError(f"{wrong} Or give the path of a file ({', '.join(suffixes.SUFFIXES)}).")
    return _made(name, source) if name == "synthetic" else _catalogued(source, data_dir, say)


def _file(path: Path, asked: dict[str, Any]) -> Origin:
    if not path.is_file():
        raise DataError(f"there is no file {path}; check the path.")
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()

    def parts() -> tuple[pl.LazyFrame, None, list[str]]:
        events, notes = read(path, **asked)
        return events, None, notes

    return Origin(suffixes.stem(path), ["file", content, path.suffixes, sorted(asked.items())], parts)


def _made(name: str, spec: str) -> Origin:
    module = catalog.load("datasets", name)
    # The options as they are read, so that one left out and its default written out are the same.
    identity = ["made", *module.options(spec)]
    return Origin(
        spec,
        identity,
        lambda: (module.generate(spec).drop("time", strict=False), None, []),
        module.card(spec),
    )


def _catalogued(name: str, data_dir: Path, say: Say) -> Origin:
    module = catalog.load("datasets", name)
    path = fetch.fetch(name, data_dir, report=lambda event: _tell(name, event, say))
    status = path.stat()

    def read() -> tuple[pl.LazyFrame, pl.LazyFrame | None, list[str]]:
        events = module.read(path)
        timed = getattr(module, "TIMED", True)
        items = module.items(path) if hasattr(module, "items") else None
        return events if timed else events.drop("time", strict=False), items, []

    return Origin(name, ["catalog", name, path.name, status.st_size, status.st_mtime_ns], read)


def _tell(name: str, event: Event, say: Say) -> None:
    lines = {
        "waiting": f"waiting for another process that fetches {name}",
        "trying": f"fetching {name} from {event.source}",
        "failed": f"{event.source}: {event.why}",
        "done": f"fetched {name} from {event.source}",
    }
    if event.step in lines:
        say(lines[event.step])


def folder_name(name: str) -> str:
    """Make a name fit for a folder on any system."""
    return re.sub(r"[^\w.=-]", "-", name).lstrip(".") or "data"


def save(made: Prepared, folder: Path) -> None:
    """Write a prepared data set in one step: there is all of it or nothing."""
    with disk.whole_folder(folder) as part:
        for table in TABLES:
            getattr(made, table).write_parquet(part / f"{table}.parquet", statistics=False)
        (part / CARD).write_text(disk.toml(made.card), "utf-8")


def load(folder: Path, name: str, say: Say) -> Prepared | None:
    """Read a prepared data set back; None where there is none, or where it is damaged."""
    if not folder.is_dir():
        return None
    try:
        card = disk.read_toml(folder / CARD)
        events, users, items = (pl.read_parquet(folder / f"{table}.parquet", glob=False) for table in TABLES)
        lengths = users["length"].cast(pl.Int64).cum_sum()
        offsets = pl.concat([pl.Series([0]), lengths]).to_numpy()
        whole = digest(events["item"], offsets) == card["digest"] and items.height == card["items"]
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        whole = False
    if not whole:
        say(f"{folder} is damaged and is made anew")
        return None
    say(f"found {folder}")
    return Prepared(events, users, items, card["digest"], card, name, folder)


def by_digest(digest: str, data_dir: Path, hint: Path | None = None) -> Prepared | None:
    """Find a prepared data set by what is in it; whatever it was made from may be gone.

    Args:
        digest: of its items and offsets, as `Prepared.digest`.
        data_dir: the folder of the data sets, all of which are looked at.
        hint: a folder to look at first.

    Returns:
        The first that is whole; None where there is none.
    """
    cards = [(folder, _card(folder)) for folder in sorted(data_dir.glob("*/prepared-*"))]
    # What this linrec prepared knows most of its items.
    cards.sort(key=lambda known: known[1].get("format") != FORMAT)
    if hint is not None:
        cards.insert(0, (hint, _card(hint)))
    for folder, card in cards:
        if card.get("digest") == digest and (found := load(folder, card.get("name", ""), lambda line: None)):
            return found
    return None


def _card(folder: Path) -> dict[str, Any]:
    try:
        return disk.read_toml(folder / CARD)
    except (OSError, ValueError):
        return {}
