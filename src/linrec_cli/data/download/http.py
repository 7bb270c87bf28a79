"""Bring a file over HTTP: resumable, in bounded time, and never more of it than it can have."""

import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from linrec_cli import disk
from linrec_cli.data.download.ask import TRIES, Session, ask, late, length
from linrec_cli.data.download.pace import Pace
from linrec_cli.data.download.source import Source, SourceError, mismatch
from linrec_cli.errors import DataError

BLOCK = 1 << 15
"""Bytes read at a time; fewer than a server must send in a while, or one that is just fast enough would seem slow."""
Progress = Callable[[int, int | None], None]


class BrokenOffError(SourceError):
    """The body ended before its time."""


def bring(source: Source, part: Path, progress: Progress) -> None:
    """Bring `source` into the file `part`, going on from what is there; what breaks off is taken up a few times.

    Raises:
        SourceError: the source failed; `part` is left only where the connection broke and can be resumed.
        DataError: the disk takes no more; `part` is gone.
    """
    if part.exists() and not mismatch(part, source):
        return
    for left in reversed(range(TRIES)):
        before = size(part)
        with Pace() as pace, Session(pace) as session:
            try:
                attempt(session, source, part, progress)
                return
            except BrokenOffError as error:
                there = size(part)
                # What is slow stays slow, and what brought nothing brings nothing.
                if pace.slow or not left or there <= before:
                    again = " (the same command goes on from there)" if there else ""
                    raise SourceError(f"{error}{again}") from None


def size(part: Path) -> int:
    """Count the bytes that are there."""
    return part.stat().st_size if part.exists() else 0


def attempt(session: Session, source: Source, part: Path, progress: Progress) -> None:
    """Ask once for what is missing of `part`."""
    start = size(part)
    with ask(session, source.url, start if start < source.most else 0) as response:
        session.pace.begin()
        start, total = begin(response, start, source)
        resumable = response.headers.get("Accept-Ranges") == "bytes"
        resumable |= response.status_code == HTTPStatus.PARTIAL_CONTENT
        try:
            pour(response, session.pace, part, start, total, source.most, progress)
        except BaseException as error:
            lost = isinstance(error, DataError | SourceError) and not isinstance(error, BrokenOffError)
            if lost or not resumable:
                part.unlink(missing_ok=True)
            raise


def begin(response: requests.Response, start: int, source: Source) -> tuple[int, int | None]:
    """Read from the headers where the body starts and how long the whole file is.

    Raises:
        SourceError: it is not the file, or not the part of it, that was asked for.
    """
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        start = 0
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise SourceError("answers with another part than asked for; try again later")
    told = length(response)
    total = None if told is None else start + told
    if None not in (total, source.bytes) and total != source.bytes:
        raise SourceError(f"offers {total:,} bytes instead of {source.bytes:,}, so not the file that is known")
    if total is not None and total > source.most:
        raise SourceError(f"offers {total:,} bytes, which are too many for the file that is known")
    return start, total or source.bytes


def pour(
    response: requests.Response, pace: Pace, part: Path, start: int, total: int | None, most: int, progress: Progress
) -> None:
    """Write the body into `part` from byte `start` on; all bytes are on the disk when this returns.

    Raises:
        BrokenOffError: it ended before `total` bytes.
        SourceError: it has more than `most`.
    """
    done = start
    with disk.writing(part), part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while block := read(response, pace, done, total):
            file.write(block)
            done += len(block)
            pace.count(len(block))
            progress(done, total)
            if done > most:
                raise SourceError(f"sends more than {most:,} bytes, which are too many for the file that is known")
        file.flush()
        os.fsync(file.fileno())
    # A body of unknown length that is cut off for its pace seems to have ended.
    if done != total and (pace.slow or total is not None):
        raise broken(done, total, pace, EOFError("it ended there"))


def read(response: requests.Response, pace: Pace, done: int, total: int | None) -> bytes:
    """Read the next block as it was sent, packed or not, and nothing beyond `total`; empty at the end."""
    try:
        return bytes(response.raw.read(BLOCK if total is None else min(BLOCK, total - done), decode_content=False))
    except (OSError, HTTPError, ValueError) as error:
        raise broken(done, total, pace, error) from None


def broken(done: int, total: int | None, pace: Pace, error: Exception) -> BrokenOffError:
    """Make the error of a body that ended after `done` of `total` bytes."""
    of = "" if total is None else f" of {total:,}"
    return BrokenOffError(f"broke off after {done:,}{of} bytes ({late(pace, error)})")
