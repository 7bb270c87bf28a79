"""What a source means: files of one's own, a data set of the catalog, or one that is made."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli import catalog
from linrec_cli.data.download import fetch
from linrec_cli.data.download.source import Event, digest
from linrec_cli.data.file import parts, suffixes
from linrec_cli.data.file.read import FILE_ORDER, read
from linrec_cli.errors import UsageError

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where events come from: their name, what tells them apart, and how to read them.

    Attributes:
        read: gives the events, what there is to say of their items (None without) and notes.
        facts: what else the card should say.
        duplicates: which of events that repeat are kept.
        remedy: what to do where the file of a data set is not as it should be; empty where that is told already.
    """

    name: str
    identity: list[Any]
    read: Callable[[], tuple[pl.LazyFrame, pl.LazyFrame | None, list[str]]]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    duplicates: str = "keep"
    remedy: str = ""


def find(source: str, data_dir: Path, asked: dict[str, Any], say: Say) -> Origin:
    """Find what `source` means.

    Raises:
        UsageError: it means nothing; the message lists the catalog.
    """
    if not source.strip():
        raise UsageError("no data are named; give a name of `linrec download --list`, or files.")
    name = source.partition(":")[0] if not Path(source).is_file() else ""
    known = name in catalog.names("datasets")
    if not known and suffixes.is_file(source):
        return _files(source, asked)
    if given := [f"--{option.replace('_', '-')}" for option in asked]:
        raise UsageError(f"{', '.join(given)} only fits a file; {source} is no file, so leave it out.")
    if not known:
        wrong = catalog.unknown("data set", source, catalog.names("datasets"))
        raise UsageError(f"{wrong} Or give the path of a file ({', '.join(suffixes.SUFFIXES)}).")
    return _made(name, source) if name == "synthetic" else _catalogued(source, data_dir, say)


def _files(source: str, asked: dict[str, Any]) -> Origin:
    content = hashlib.sha256()
    for one in filter(None, (source, asked.get("valid"), asked.get("test"))):
        for path in parts.files(one):
            # A folder's name may hold a column, as `day=2020-01-31` does.
            content.update("/".join(part for part in path.parent.parts if "=" in part).encode())
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
    facts: dict[str, Any] = {"source": source, "reading": asked}
    own = {name: value for name, value in asked.items() if name != "duplicates"}

    def log() -> tuple[pl.LazyFrame, None, list[str]]:
        found = read(source, **own)
        facts.update(order=found.order, rows_malformed=found.malformed)
        return found.events, None, found.notes

    identity = ["file", content.hexdigest(), sorted(asked.items())]
    return Origin(suffixes.stem(source), identity, log, facts, asked.get("duplicates", "keep"))


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
    path, content = _fetched(name, data_dir, say)

    timed = getattr(module, "TIMED", True)

    def read() -> tuple[pl.LazyFrame, pl.LazyFrame | None, list[str]]:
        events = module.read(path)
        items = module.items(path) if hasattr(module, "items") else None
        return events if timed else events.drop("time", strict=False), items, []

    facts = {"order": "time" if timed else FILE_ORDER}
    again = f"fetch it again by linrec download {name} --force"
    return Origin(name, ["catalog", name, path.name, content], read, facts, remedy=again)


def _fetched(name: str, data_dir: Path, say: Say) -> tuple[Path, str]:
    """Fetch a file and digest it; one that is there and changed since it was verified is fetched again."""

    def report(event: Event) -> None:
        _tell(name, event, say)

    path = fetch.fetch(name, data_dir, report=report)
    content = digest(path, "sha256")
    if not fetch.unchanged(path, content):
        path = fetch.fetch(name, data_dir, report=report, check=True)
        content = digest(path, "sha256")
    return path, content.partition(":")[2]


def _tell(name: str, event: Event, say: Say) -> None:
    lines = {
        "waiting": f"waiting for another process that fetches {name}",
        "trying": f"fetching {name} from {event.source}",
        "failed": f"{event.source}: {event.why}",
        "done": f"fetched {name} from {event.source}",
    }
    if event.step in lines:
        say(lines[event.step])
