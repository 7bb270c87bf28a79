"""A run's folder belongs to one process at a time."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from linrec_cli.errors import DataError, UsageError


def fresh(folders: Iterable[Path]) -> Path:
    """Make the first of some folders that is not there yet.

    Raises:
        DataError: it cannot be made.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise DataError(f"cannot make {folder}: {error.strerror}; choose another --results-dir.") from None
        return folder
    raise DataError("every name for the run is taken; choose another --results-dir.")


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Hold a folder, which ends with the process at the latest.

    Raises:
        UsageError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another linrec is at work on {folder}; wait for it.") from None
        except OSError:
            # A file system without locks: two at once are then the user's to avoid.
            pass
        yield
    finally:
        os.close(handle)


def held(folder: Path) -> bool:
    """Tell whether another process holds a folder."""
    try:
        with taken(folder):
            return False
    except UsageError:
        return True
