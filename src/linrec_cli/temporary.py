"""What is temporary has in its name the process that made it, so that what a dead one left can be told and removed."""

import hashlib
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

OWNED = re.compile(r"-(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-")
"""What `owner` writes."""
ROOM = "linrec"
NAME = 180
"""Bytes of a name that what will take its place has too."""
LONGEST = 80
"""Bytes of a path in which a socket still has a name of its own: some systems know no path of more than 104."""


@cache
def host() -> str:
    """Name where process ids count: this machine, or the container, in six hexadecimal digits."""
    space = ""
    # Containers may share a host's name and a folder, and yet number their processes each for itself.
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:6]


def owner() -> str:
    """Write the part of a name that says whose it is, to stand between what comes before and after."""
    return f"-{host()}-{os.getpid()}-"


def beside(path: Path) -> Path:
    """Name what will take the place of `path` once it is whole."""
    return path.with_name(f"{begin(path)}{owner()}{secrets.token_hex(4)}.part")


def begin(path: Path) -> str:
    """Give how the names begin of what will take the place of `path`; a long one leaves room for the rest."""
    return f".{os.fsdecode(os.fsencode(path.name)[:NAME])}."


def alive(name: str) -> bool:
    """Tell whether a name is of another process of this host that runs, or of one that was given its number since."""
    number = here(name)
    return number is not None and runs(number)


def runs(pid: int) -> bool:
    """Tell whether a process of this host runs that is not this one."""
    import psutil

    return pid != os.getpid() and psutil.pid_exists(pid)


def dead(name: str) -> bool:
    """Tell whether a name is of a process of this host that has ended."""
    return here(name) not in (None, os.getpid()) and not alive(name)


def here(name: str) -> int | None:
    """Read the process id of a name; None where it has none, or one of another host."""
    told = OWNED.search(name)
    return int(told["pid"]) if told and told["host"] == host() else None


def clean(folder: Path, left: Callable[[str], bool]) -> None:
    """Remove what stands in a folder under a name of which `left` says that nobody writes there any more."""
    with suppress(OSError):
        for path in [path for path in folder.iterdir() if left(path.name)]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def tidy() -> None:
    """Remove the temporary folders of processes that were killed."""
    with suppress(OSError):
        clean(Path(tempfile.gettempdir()), lambda name: name.startswith(ROOM) and dead(name))


@cache
def room() -> Path:
    """Make this process' own temporary folder, gone when it ends."""
    from multiprocessing import current_process, util

    made = Path(tempfile.mkdtemp(prefix=f"{ROOM}{owner()}"))
    util.Finalize(None, shutil.rmtree, (made, True), exitpriority=-200)
    # The socket of the server that children are forked from would stand in a folder of which nothing says whose it is.
    if len(os.fsencode(made)) <= LONGEST:
        vars(current_process())["_config"].setdefault("tempdir", str(made))
    return made
