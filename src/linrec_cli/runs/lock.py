"""A run's folder: made for one run alone, and gone again where the run left nothing; `disk` holds it meanwhile."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from linrec_cli import disk
from linrec_cli.errors import DataError


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


def leave(folder: Path) -> None:
    """Remove a folder in which nothing was written."""
    if {path.name for path in folder.iterdir()} <= {disk.LOCK, disk.HOLDER}:
        with suppress(OSError):
            for name in (disk.HOLDER, disk.LOCK):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
