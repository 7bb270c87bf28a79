"""A log of the user's own as events, whatever it is packed in and however it is laid out."""

import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from linrec_cli import temporary
from linrec_cli.data.file import columns, delimited, dialect, lists, malformed, nested, parts, plain
from linrec_cli.data.file.delimited import Content
from linrec_cli.errors import DataError

FILE_ORDER = "file order"
UNTIMED = "the order of the file is taken as the order of time"
BROKEN = (OSError, EOFError, UnicodeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


class Log(NamedTuple):
    """What files hold.

    Attributes:
        events: `user`, `item` and, where they have times, `time`, in the order of the files.
        notes: what there is to say of how they were read.
        order: what events are ordered by: columns of time, or `file order`.
        malformed: rows that were left out.
    """

    events: pl.LazyFrame
    notes: list[str]
    order: str
    malformed: int


def read(
    source: str | Path,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    skip_bad: bool = False,
    columns: str | None = None,
    time_format: str | None = None,
    valid: str | None = None,
    test: str | None = None,
) -> Log:
    """Read `user`, `item` and, where the files have one, `time`.

    Ids are integers if all of a column are; else they are strings.

    Args:
        source: a file, several with commas between, a pattern, or a folder of parts.
        user: the name of the column; None to recognise it.
        item: the same.
        time: the same; `none` where the order of the file is the order of time, `date,time` where they stand apart.
        skip_bad: whether to leave malformed rows out.
        columns: all columns in their order, of files that do not name them.
        time_format: how times are written, where that is not plain.
        valid: files of validation events, where the data come split; the events then have a `part`, 0, 1 or 2.
        test: the same of test events.

    Raises:
        UsageError: a column that was named is not there.
        DataError: a file cannot be read, or has malformed rows and `skip_bad` is off.
    """
    asked = {"user": user, "item": item, "time": time}
    files = [(part, file) for part, name in enumerate((str(source), valid, test)) if name for file in parts.files(name)]
    read = [one(file, asked, listed(columns), part if valid else None) for part, file in files]
    paths = [file for _, file in files]
    # Ids and times are read of all files together, so that one unit and one type serve all.
    content = gathered([found.content for found in read], str(source))
    frame, skipped = malformed.without(content, str(source), skip_bad, time_format or "", paths)
    if not frame.height:
        raise DataError(f"{source} has no {'sound ' if skipped else ''}rows; give a file that has some.")
    orders = dict.fromkeys(found.order for found in read)
    notes = [*said(read, paths), *skipped, *[UNTIMED][: FILE_ORDER in orders]]
    return Log(frame.lazy(), notes, ", ".join(orders), len(content.frame) + len(content.faults) - len(frame))


def said(read: "Sequence[One]", paths: Sequence[Path]) -> list[str]:
    """List what there is to say of files; what is said of all is said once."""
    notes = dict.fromkeys(note for found in read for note in found.notes)
    alike = len({path.name for path in paths}) == 1
    first, last = (str(path) if alike else path.name for path in (paths[0], paths[-1]))
    return [*notes, *[f"{len(paths)} files, {first} to {last}"][: len(paths) > 1]]


def listed(text: str | None) -> list[str]:
    """Split the names of columns."""
    return [name.strip() for name in text.split(",")] if text else []


class One(NamedTuple):
    """A file: its rows, what there is to say, and what they are ordered by."""

    content: Content
    notes: list[str]
    order: str


def one(path: Path, asked: dict[str, Any], named: Sequence[str], part: int | None) -> One:
    """Read one file; `part` is the one it is, of data that come split."""
    try:
        with tempfile.TemporaryDirectory(dir=temporary.room()) as room, plain.opened(path, Path(room)) as file:
            content, names, notes = held(file, str(path), asked, named)
    except BROKEN as error:
        raise DataError(f"{path} cannot be read ({error}); check that it is whole.") from None
    content = lists.laid_out(content, names["item"], str(path))
    if part is not None:
        content = content._replace(frame=content.frame.with_columns(part=pl.lit(part, pl.UInt8)))
    if "clock" in names:
        names["time"] += f",{names.pop('clock')}"
    told = "columns: " + ", ".join(f"{role} = {name}" for role, name in names.items())
    return One(content, [*notes, told], names.get("time", FILE_ORDER))


def held(
    file: Path, shown: str, asked: dict[str, Any], named: Sequence[str]
) -> tuple[Content, dict[str, str], list[str]]:
    """Read the columns of a plain file, whatever kind it is of."""
    first = plain.start(file)
    if first[:4] == b"PAR1":
        return *nested.parquet(file, shown, columns.asked(asked)), []
    if re.match(rb"\s*(\{|\[\s*\{)", first):
        return *nested.json_lines(file, shown, columns.asked(asked)), []
    layout = dialect.recognise(file, shown, list(named))
    notes = [layout.assumed] if layout.assumed else []
    if layout.history:
        return delimited.histories(layout), {"user": "user", "item": dialect.ITEMS}, notes
    lists.check(layout.header, shown)
    own = nested.folders(shown, layout.header)
    header = [*layout.header, *own]
    rows = ([*row, *own.values()] for row in layout.sample if len(row) == len(layout.header))
    places = columns.choose(header, columns.asked(asked), shown, columns.Sample(list(zip(*rows, strict=True))))
    names = {role: header[place] for role, place in places.items()}
    content = delimited.read(layout, {role: place for role, place in places.items() if names[role] not in own})
    outside = [delimited.typed(role, pl.lit(own[name])) for role, name in names.items() if name in own]
    return content._replace(frame=content.frame.with_columns(outside)), names, notes


def gathered(contents: list[Content], shown: str) -> Content:
    """Put the rows of several files below each other; what is of one type in some and of another in others is text.

    Raises:
        DataError: some have times and others have none.
    """
    if len(contents) == 1:
        return contents[0]
    frames = [content.frame for content in contents]
    if len({frozenset(frame.columns) for frame in frames}) > 1:
        raise DataError(f"{shown}: some of the files have times and others have none; give files of one kind.")
    for role in frames[0].columns:
        if len({frame[role].dtype for frame in frames}) > 1:
            frames = [frame.with_columns(pl.col(role).cast(pl.String)) for frame in frames]
    numbered = (frame.with_columns(malformed.placed(number)) for number, frame in enumerate(frames))
    faults = [(malformed.FILE * number + line, why) for number, one in enumerate(contents) for line, why in one.faults]
    return Content(pl.concat(frame.select(frames[0].columns) for frame in numbered), faults)
