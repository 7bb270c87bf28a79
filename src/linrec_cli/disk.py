"""The one way files are written, folders are held, and settings become TOML.

What is written is there whole or not at all, whenever the process ends; nothing is forced out of the system's
own buffers, so that a power cut may take the last files along.
"""

import errno
import os
import shutil
import socket
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import seal, temporary
from linrec_cli.errors import DataError
from linrec_cli.refusals import RefusedError as RefusedError
from linrec_cli.refusals import asked_again
from linrec_cli.refusals import writing as writing

if TYPE_CHECKING:
    from filelock import FileLock

LOCK, HOLDER = ".lock", ".holder"
"""What is locked, and which process did so; that stands beside, as whoever asks for the lock empties the file."""
# What file systems without locks answer.
LOCKLESS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


TRIES = 20
"""Times that a folder is put in the place of another while other processes do the same."""
LOOK = 0.2
"""Seconds for which a folder may be held by who only asks whether it is."""


class HeldError(DataError):
    """Another process holds the folder."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`, to be written, and rename it if all went well.

    Raises:
        DataError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _beside(path)
        try:
            part.touch(exist_ok=False)
            mode = part.stat().st_mode
            with asked_again(part):
                yield part
            # Who makes the file anew may keep it from others, whatever the umask says.
            if part.stat().st_mode != mode:
                part.chmod(mode)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, to be filled, and put it in the place of `path` if all went well.

    Raises:
        DataError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part, old = _beside(path), _beside(path)
        try:
            part.mkdir()
            with asked_again(part):
                yield part
            _put(part, path, old)
        except BaseException:
            # What was there stays there until the new one is.
            if old.exists() and not path.exists():
                old.replace(path)
            raise
        finally:
            for left in (part, old):
                shutil.rmtree(left, ignore_errors=True)


def _put(part: Path, path: Path, old: Path) -> None:
    for left in reversed(range(TRIES)):
        try:
            with suppress(FileNotFoundError):
                path.replace(old)
            part.replace(path)
            return
        except OSError as error:
            # Another process put its own there meanwhile.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not left:
                raise
            shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path) -> Path:
    # What was left by a process that was killed here.
    temporary.clean(path.parent, lambda name: name.startswith(temporary.begin(path)) and temporary.dead(name))
    return temporary.beside(path)


@contextmanager
def locked(folder: Path, waiting: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold a folder, which is made where there is none; the hold ends with the process at the latest.

    Args:
        waiting: is called if another process holds the folder, which is then waited for; None not to wait.

    Raises:
        HeldError: another process holds it, and nothing is to be waited for.
        DataError: the folder cannot be written.
    """
    # Takes long to import, and commands that only read do without.
    from filelock import FileLock

    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        free = _acquire(lock, LOOK)
    if not free:
        if waiting is None:
            raise HeldError(f"another process is at work on {folder}; wait for {holder(folder) or 'it'}, or stop it.")
        waiting()
        with writing(folder):
            _acquire(lock, -1)
    try:
        _taken(folder, lock.is_locked)
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _taken(folder: Path, locked: bool) -> None:
    if unsure := _unsure(folder, locked):
        # Of no file, so that it is one line.
        warnings.warn_explicit(unsure, UserWarning, "linrec", 0)
    # Nobody else should write here now; yet a file of a user's own, as a list of recommendations, needs no lock.
    left = temporary.dead if unsure else lambda name: not temporary.alive(name)
    temporary.clean(folder, lambda name: name.startswith(".") and name.endswith(".part") and left(name))
    with suppress(OSError):
        (folder / HOLDER).write_text(f"{os.getpid()} {socket.gethostname()}\n", "utf-8")


def _unsure(folder: Path, locked: bool) -> str:
    # Locks of some network file systems hold on one machine alone, and a process that was killed there can't say so.
    if not locked:
        return f"{folder} is on a file system that locks nothing; let no other command work there meanwhile."
    pid, host = _named(folder)
    if not pid or (host == socket.gethostname() and not temporary.runs(pid)):
        return ""
    return (
        f"process {pid} on {host} did not say that it ended its work on {folder}; if it has not, stop this command:"
        " locks do not reach from there to here."
    )


def holder(folder: Path) -> str:
    """Say which process holds a folder, as it wrote itself; empty where that is not known."""
    pid, host = _named(folder)
    return f"process {pid} on {host}" if pid else ""


def _named(folder: Path) -> tuple[int, str]:
    try:
        pid, host = (folder / HOLDER).read_text("utf-8").split()
        return int(pid), host
    except (OSError, ValueError):
        return 0, ""


def _acquire(lock: "FileLock", seconds: float) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except (NotImplementedError, OSError) as error:
        # Where nothing can be locked, two at once are the user's to avoid.
        if isinstance(error, OSError) and error.errno not in LOCKLESS:
            raise
    return True


def held(folder: Path) -> bool:
    """Tell whether a process holds a folder; nothing is written there, and what a dead one wrote of itself goes."""
    if not (folder / LOCK).exists():
        return False
    from filelock import FileLock

    lock = FileLock(folder / LOCK)
    try:
        free = _acquire(lock, 0)
        if lock.is_locked and not _unsure(folder, locked=True):
            (folder / HOLDER).unlink(missing_ok=True)
        return not free
    except OSError:
        # Nobody can hold what cannot be written.
        return False
    finally:
        lock.release()


def toml(content: Mapping[str, Any]) -> str:
    """Write a mapping as TOML; what is None is left out."""
    import tomli_w

    return tomli_w.dumps(_given(content))


def _given(content: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in content.items() if value is not None}
    return {key: _given(value) if isinstance(value, Mapping) else value for key, value in told.items()}


def sealed_toml(content: Mapping[str, Any]) -> str:
    """Write a mapping as TOML that is read again: its first line has its digest."""
    return seal.sealed(f"# Not to be edited: {seal.BLANK}\n{toml(content)}")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of TOML that linrec wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it changed since it was written, is empty, no TOML, or not in UTF-8.
    """
    text = seal.read(path)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
