"""Commands as forks of this process, so that torch is loaded once; each leads a session of its own.

Polars starts threads, which a fork would not have: only forks import it.
"""

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: F401


def forked(work: Callable[[], Any]) -> int:
    """Do something in a fork that leads a session of its own; return its process id."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.setsid()
        work()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            from multiprocessing import util

            util._exit_function()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def command(
    arguments: Sequence[str],
    here: Path,
    aside: Path,
    temporary: Path,
    *,
    lines: str = "",
    before: Callable[[], Any] = lambda: None,
) -> int:
    """Begin a command of linrec in a folder; return its process id.

    Args:
        here: where it runs.
        aside: where `in`, which holds `lines`, `out` and `err` stand.
        temporary: its temporary folder.
        before: is called once linrec is loaded.
    """
    (aside / "in").write_text(lines, "utf-8")

    def work() -> None:
        os.chdir(here)
        # Who is forked from a server would begin by this script.
        vars(sys.modules["__main__"]).pop("__file__", None)
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
            os.dup2(os.open(aside / name, flags | (os.O_CREAT | os.O_TRUNC if number else 0)), number)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
            for number, mode in enumerate("rww")
        )
        from linrec_cli.cli import main

        before()
        main(list(arguments))

    return forked(work)


def done(pid: int) -> int:
    """Wait for a process; return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def session(leader: int) -> list[int]:
    """List the processes of a session."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, IndexError):
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split() if name.isdigit() else []
            # State, parent, group, session; what is dead and not yet waited for does nothing any more.
            if fields and int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(name))
    return found
