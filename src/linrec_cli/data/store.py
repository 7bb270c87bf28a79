"""Prepared data sets on disk: made once, then read back, from a name, a specification or a file."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli import disk, seal
from linrec_cli.data.file import parts, suffixes
from linrec_cli.data.file.read import FILE_ORDER, UNTIMED
from linrec_cli.data.origin import Origin, Say, find
from linrec_cli.data.prepare import Prepared, digest, prepare
from linrec_cli.errors import DataError, UsageError
from linrec_cli.names import filed
from linrec_cli.refusals import reading

# Raise this whenever the same input would be prepared into something else.
FORMAT = 4
TABLES, CARD = ("events", "users", "items"), "card.toml"


def open_prepared(
    source: str,
    data_dir: Path,
    *,
    min_user: int = 5,
    min_item: int = 5,
    fresh: bool = False,
    report: Say | None = None,
    **reading: Any,
) -> Prepared:
    """Open a prepared data set, and prepare it first where that was not done yet.

    Args:
        source: a name of the catalog (fetched on first use), `synthetic:...`, or files as `data.file.read` takes them.
        data_dir: the folder of the data sets; the result lies in `<data_dir>/<name>/prepared-<key>/`.
        min_user: a user with fewer events is dropped.
        min_item: the same for items.
        fresh: prepare anew even if it was done.
        report: is told in one line what is done.
        reading: how files are read, as `data.file.read` has it, and `duplicates` as `data.prepare` does.

    Raises:
        UsageError: there is no such data set, or an option that only files take was given for one.
        DataError: the data cannot be had or read, or nothing is left of it.
    """
    say = report or (lambda line: None)
    asked = {name: value for name, value in reading.items() if value and (name, value) != ("duplicates", "keep")}
    minima = {"min_user": min_user, "min_item": min_item}
    if bool(asked.get("valid")) != bool(asked.get("test")):
        raise UsageError("files that are split already come with both --valid and --test.")
    if "valid" in asked:
        if not {*minima.values()} <= {0, 5}:
            raise UsageError(
                "--min-user and --min-item do not fit files that are split already: they are kept as they are."
            )
        minima = dict.fromkeys(minima, 0)
    if not fresh and (kept := of_what_is_gone(source, data_dir, asked, minima, say)):
        return kept
    found = find(source, data_dir, asked, say)
    identity = json.dumps([FORMAT, found.identity, *minima.values()])
    key = hashlib.sha256(identity.encode()).hexdigest()[:12]
    folder = data_dir / folder_name(found.name) / f"prepared-{key}"
    if not fresh and (kept := load(folder, found.name, say)):
        return kept
    with disk.locked(folder.parent, lambda: say(f"waiting for another process that is at work on {folder.parent}")):
        # Another process may have prepared it while this one waited.
        if not fresh and (kept := load(folder, found.name, say)):
            return kept
        say(f"preparing {found.name}")
        made = prepared(found, folder, minima, say)
        save(made, folder)
    say(f"wrote {folder}")
    return made


def prepared(found: Origin, folder: Path, minima: dict[str, int], say: Say) -> Prepared:
    """Read events and prepare them.

    Raises:
        DataError: what is in a file of the catalog is not what its data set has.
    """
    try:
        events, items, notes = found.read()
        for note in notes:
            say(note)
        made = prepare(events, items=items, duplicates=found.duplicates, **minima)
    # Of polars' own, some are no exceptions.
    except (ValueError, IndexError, OverflowError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if not found.remedy:
            raise
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(f"{found.name} is not as it should be ({why}); {found.remedy}.") from None
    card = {"name": found.name, "format": FORMAT, "digest": made.digest, **made.card, "notes": notes, **found.facts}
    return dataclasses.replace(made, name=found.name, folder=folder, card=card, anew=True)


def of_what_is_gone(
    source: str, data_dir: Path, asked: dict[str, Any], minima: dict[str, int], say: Say
) -> Prepared | None:
    """Find what was prepared in the same way from files that are gone; of several the latest."""
    if not suffixes.is_file(source) or there(source):
        return None
    folders = (data_dir / folder_name(suffixes.stem(source))).glob("prepared-*")
    same = {"source": source, "reading": asked, "format": FORMAT, **minima}
    for folder in sorted(folders, key=lambda one: one.stat().st_mtime, reverse=True):
        if same.items() <= _card(folder).items() and (found := load(folder, _card(folder)["name"], say)):
            say(f"{source} is gone; this was prepared from it")
            return found
    return None


def folder_name(name: str) -> str:
    """Make a name fit for a folder on any system."""
    return filed(name) or "data"


def there(source: str) -> bool:
    """Tell whether there are files that a source means."""
    try:
        return bool(parts.files(source))
    except DataError:
        return False


def save(made: Prepared, folder: Path) -> None:
    """Write a prepared data set in one step: there is all of it or nothing."""
    with disk.whole_folder(folder) as part:
        for table in TABLES:
            path = part / f"{table}.parquet"
            getattr(made, table).write_parquet(path, statistics=False, metadata={"seal": seal.BLANK})
            seal.seal(path)
        (part / CARD).write_text(disk.sealed_toml(made.card), "utf-8")


def load(folder: Path, name: str, say: Say) -> Prepared | None:
    """Read a prepared data set back; None where there is none, or where it is damaged."""
    if not folder.is_dir():
        return None
    try:
        card = disk.read_toml(folder / CARD)
        events, users, items = (_table(folder / f"{table}.parquet") for table in TABLES)
        lengths = users["length"].cast(pl.Int64).cum_sum()
        offsets = pl.concat([pl.Series([0]), lengths]).to_numpy()
        came = events["part"] if "part" in events.columns else None
        whole = digest(events["item"], offsets, came) == card["digest"] and items.height == card["items"]
    except (OSError, ValueError, KeyError, DataError, pl.exceptions.PolarsError):
        whole = False
    if not whole:
        say(f"{folder} is damaged and is not used")
        return None
    say(f"found {folder}")
    if card.get("order") == FILE_ORDER:
        say(UNTIMED)
    return Prepared(events, users, items, card["digest"], card, name, folder)


def by_digest(digest: str, data_dir: Path, hint: Path | None = None, report: Say | None = None) -> Prepared | None:
    """Find a prepared data set by what is in it; whatever it was made from may be gone.

    Args:
        digest: of its items and offsets, as `Prepared.digest`.
        data_dir: the folder of the data sets, all of which are looked at.
        hint: a folder to look at first.
        report: is told in one line what is found, and what is damaged.

    Returns:
        The first that is whole; None where there is none.
    """
    say = report or (lambda line: None)
    cards = [(folder, _card(folder)) for folder in sorted(data_dir.glob("*/prepared-*"))]
    # What this linrec prepared knows most of its items.
    cards.sort(key=lambda known: known[1].get("format") != FORMAT)
    if hint is not None:
        cards.insert(0, (hint, _card(hint)))
    for folder, card in cards:
        if card.get("digest") == digest and (found := load(folder, card.get("name", ""), say)):
            return found
    return None


def _table(path: Path) -> pl.DataFrame:
    seal.check(path)
    with reading(path, "it is prepared anew"):
        return pl.read_parquet(path, glob=False)


def _card(folder: Path) -> dict[str, Any]:
    try:
        return disk.read_toml(folder / CARD)
    except (OSError, ValueError):
        return {}
