"""Members of the archives that data sets come in, read by name: no path in an archive is ever written to."""

import gzip
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from linrec_cli import disk
from linrec_cli.data import unpacking
from linrec_cli.data.download.source import digest
from linrec_cli.errors import DataError

AGAIN = "fetch it again by linrec download --force"
SPOILT = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError),
)


def members(path: Path) -> list[str]:
    """List the files in a zip."""
    with unspoilt(path), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def text(path: Path, name: str, encoding: str = "utf-8") -> str:
    """Read a small member of a zip as text."""
    with unspoilt(path), zipped(path, name) as content:
        return content.read().decode(encoding)


def unpacked(path: Path, name: str) -> Path:
    """Unpack one member beside the archive, so that a large one can be scanned and not held in memory.

    It is named by the last part of `name`; one that is there already, and as it was unpacked, is used again.
    """
    target = path.with_name(name.rpartition("/")[2])
    note = target.with_name(f"{target.name}.unpacked")
    stamp = path.stat().st_mtime_ns
    # The archive's own time on the member says which archive it came from.
    if target.is_file() and target.stat().st_mtime_ns == stamp and noted(note) == digest(target, "sha256"):
        return target
    with disk.whole(target) as part:
        with unspoilt(path), member(path, name) as content, part.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        os.utime(part, ns=(stamp, stamp))
        found = digest(part, "sha256")
    with disk.whole(note) as part:
        part.write_text(found, "utf-8")
    return target


def noted(note: Path) -> str:
    """Read the digest that a member had when it was unpacked; empty where that is not known."""
    try:
        return note.read_text("utf-8")
    except (OSError, ValueError):
        return ""


@contextmanager
def member(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open one member of a zip or of a compressed tar."""
    if path.suffix == ".zip":
        with zipped(path, name) as content:
            yield content
        return
    # What comes before the member is unpacked as well; a member of holes is longer than what it is unpacked from.
    with bounded(cast(IO[bytes], gzip.open(path)), path) as packed, tarfile.open(fileobj=packed, mode="r|") as taped:
        found = next((entry for entry in taped if entry.isfile() and entry.name.endswith(f"/{name}")), None)
        opened = taped.extractfile(found) if found else None
        if opened is None:
            raise tarfile.ReadError(f"there is no {name} in it")
        yield bounded(opened, path)


@contextmanager
def zipped(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open one member of a zip."""
    with zipfile.ZipFile(path) as archive:
        if why := unpacking.flaw(archive, name):
            raise zipfile.BadZipFile(why)
        with archive.open(name) as content:
            yield bounded(content, path)


def bounded(content: IO[bytes], path: Path) -> IO[bytes]:
    """Read what is unpacked, up to a size that follows from that of the catalog, which `path` was checked to have."""
    return unpacking.bounded(content, path, unpacking.KNOWN, AGAIN)


@contextmanager
def unspoilt(path: Path) -> Iterator[None]:
    """Turn an archive that cannot be read into one line.

    Raises:
        DataError: it is no archive, it is cut short, or the member is not in it.
    """
    try:
        yield
    except SPOILT as error:
        why = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read ({why}); {AGAIN}.") from None
