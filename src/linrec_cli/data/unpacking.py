"""How far anything is unpacked, and what of an archive is not: a small file can hold what fills a disk."""

import io
import stat
from pathlib import Path
from typing import IO, Any, cast
from zipfile import ZipFile

from linrec_cli.errors import DataError

FLOOR = 1 << 26
"""Bytes that even the smallest file may unpack to."""
KNOWN, OWN = 20, 100
"""How many times its size a file of the catalog, and one of the user's own, may unpack to."""


class Bounded(io.RawIOBase):
    """What is unpacked, up to so many bytes; one more is an error.

    Raises:
        DataError: on reading beyond them.
    """

    def __init__(self, file: IO[bytes], most: int, complaint: str) -> None:
        super().__init__()
        self.file, self.most, self.complaint, self.done = file, most, complaint, 0

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        block = self.file.read(len(buffer))
        buffer[: len(block)] = block
        self.done += len(block)
        if self.done > self.most:
            raise DataError(self.complaint)
        return len(block)

    def seek(self, place: int, whence: int = 0) -> int:
        """Go back to a place, and count anew from there."""
        self.done = self.file.seek(place, whence)
        return self.done

    def tell(self) -> int:
        """Count what has been read."""
        return self.done

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Ask what is unpacked."""
        return self.file.seekable()

    def close(self) -> None:
        """Close what is unpacked, too."""
        self.file.close()
        super().close()


def most(path: Path, times: int) -> int:
    """Count the bytes that a file may unpack to."""
    return max(FLOOR, times * path.stat().st_size)


def too_much(path: Path, times: int, remedy: str) -> str:
    """Say that it would be more."""
    return f"{path} unpacks to more than {most(path, times):,} bytes, for {path.stat().st_size:,} of its own; {remedy}."


def bounded(file: IO[bytes], path: Path, times: int, remedy: str) -> IO[bytes]:
    """Read what is unpacked of `path`, in bounds; beyond them an error says what to do."""
    return cast(IO[bytes], io.BufferedReader(Bounded(file, most(path, times), too_much(path, times, remedy))))


def flaw(archive: ZipFile, name: str) -> str:
    """Say why a member of a zip is not to be read; empty where nothing speaks against it."""
    entries = [one for one in archive.infolist() if one.filename == name]
    if len(entries) != 1:
        return f"{name} stands there {len(entries)} times" if entries else f"there is no {name} in it"
    if entries[0].flag_bits & 1:
        return f"{name} is encrypted"
    if stat.S_ISLNK(entries[0].external_attr >> 16):
        return f"{name} is a link"
    return ""
