"""One process a cell: what runs out of memory, hangs or crashes there is an answer here."""

import contextlib
import gc
import os
import pkgutil
import signal
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

from linrec_cli import phases, refusals, temporary
from linrec_cli.catalog import sound
from linrec_cli.errors import FaultError

Task = Callable[..., Generator[Any, Any, Any]]
"""What a child does: a generator that answers with what it yields and is asked with what is sent to it."""

MESSAGE = 200
ORPHANED = 1
"""With which a child ends whose parent is gone."""
STARVED = "ended by SIGKILL, which the kernel sends when memory runs out"
VMSTAT = Path("/proc/vmstat")


@dataclass(frozen=True)
class Answer:
    """What a child said: `status` as in a row, `content` where it is `ok`, else a `note` that says why."""

    status: str
    content: Any = None
    note: str = ""


@cache
def server() -> ForkServerContext | SpawnContext:
    """Set up the server that children are forked from: torch is loaded there, with no CUDA context.

    Where a system knows no such server, as Windows does not, each child starts by itself and loads torch anew.
    """
    # Before its socket is made.
    temporary.room()
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    # All that phases build with. The optimiser and the profiler load torch._dynamo when first used, and a child loads
    # what its parent was started by: a second each time.
    beside = [module.name for module in pkgutil.iter_modules(phases.__path__) if module.name.startswith("_")]
    # One that cannot be imported would end the server.
    shared = [*(f"{phases.__name__}.{name}" for name in beside), *(x.__name__ for x in sound("phases").values())]
    context.set_forkserver_preload(["linrec_cli.profiling.build", *shared, "linrec_cli.cli", "torch._dynamo"])
    return context


class Child:
    """A process that does one task, step by step, and can be killed at any time."""

    def __init__(self, task: Task, *arguments: Any, cap: int = 0) -> None:
        """Start the task; `cap` bounds the memory it may take beyond what it starts with (0: unbounded)."""
        self.cap, self.kills = cap, kills()
        self.connection, theirs = server().Pipe()
        with tempfile.NamedTemporaryFile(dir=temporary.room(), delete=False) as file:
            self.log = Path(file.name)
        self.process = server().Process(target=work, args=(theirs, str(self.log), cap, task, arguments), daemon=True)
        self.process.start()
        theirs.close()

    def answer(self, seconds: float) -> Answer:
        """Wait for the next answer; a child that gives none in time, or dies, is stopped."""
        ready = connection.wait([self.connection, self.process.sentinel], seconds)
        with contextlib.suppress(EOFError, ConnectionError):
            if self.connection in ready:
                said: Answer = self.connection.recv()
                return self.closed(said)
        if not ready:
            return self.closed(Answer("timeout", note=f"no answer within {seconds:g} s"))
        return self.closed(self.died())

    def ask(self, message: Any, seconds: float) -> Answer:
        """Send a message and wait for the answer to it."""
        with contextlib.suppress(ConnectionError):
            self.connection.send(message)
        return self.answer(seconds)

    def died(self) -> Answer:
        """Say how a child that gave no answer ended."""
        self.process.join(5)
        code = self.process.exitcode or 0
        if starved(code, self.kills):
            return Answer("oom", note=STARVED)
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = self.log.read_text(errors="replace").strip().splitlines()
        return Answer("error", note=cut(": ".join([how, *said[-1:]])))

    def closed(self, answer: Answer) -> Answer:
        """Stop the child after its last answer, and say which cap it ran into."""
        if answer.status == "ok":
            return answer
        self.stop()
        if answer.status == "oom" and self.cap:
            capped = f"memory was capped at {self.cap / 2**20:,.0f} MiB; {answer.note}"
            return Answer("oom", note=cut(capped))
        return answer

    def stop(self) -> None:
        """Kill the process; nothing is left of it."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.connection.close()
        self.log.unlink(missing_ok=True)


def work(pipe: Any, log: str, cap: int, task: Task, arguments: tuple[Any, ...]) -> None:
    """Run the task in the child: an answer for what it yields first, then one for every message."""
    # Ctrl-C reaches the whole group; the parent alone decides, and kills.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    with open(log, "w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # What the server left is no garbage: collecting would copy all of it into this process.
    gc.freeze()
    try:
        limit(cap)
        steps = task(*arguments)
        pipe.send(Answer("ok", next(steps)))
        while True:
            pipe.send(Answer("ok", steps.send(pipe.recv())))
    except (EOFError, ConnectionError):
        return
    except BaseException as error:
        pipe.send(failure(error))


def end_with_parent(grace: float = 0.0) -> None:
    """Let this child end when its parent does, however that ends: at once, or told by SIGTERM and then with time left.

    The server that it was forked from is no parent in this: it goes on while it has children.

    Args:
        grace: seconds for what SIGTERM makes it do.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        if grace:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace)
        os._exit(ORPHANED)

    threading.Thread(target=watch, daemon=True).start()


def limit(cap: int) -> None:
    """Bound the memory this process may take from here on; elsewhere than on Linux nothing can."""
    if not cap or sys.platform != "linux":
        return
    import resource

    from linrec_cli.profiling.memory import status

    # RLIMIT_DATA counts private memory alone; RLIMIT_AS would count gigabytes of mapped libraries as well.
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (status()["VmData"] + cap, hard))


def failure(error: BaseException) -> Answer:
    """Make the answer of a task that raised: the last line of what it said, or the first where advice follows."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    if refusals.full(error):
        return Answer("oom", note=cut(refusals.first(error)))
    said = lines[0] if "CUDA error" in lines[0] else lines[-1]
    return Answer("error", note=cut(said if isinstance(error, FaultError) else f"{type(error).__name__}: {said}"))


def starved(code: int | None, before: int | None) -> bool:
    """Tell whether a child that we had not killed was killed for want of memory, after so many that were `before`."""
    return code == -signal.SIGKILL and (before is None or kills() != before)


def cut(text: str) -> str:
    """Shorten a message between words."""
    return textwrap.shorten(text, MESSAGE, placeholder=" ...")


def kills() -> int | None:
    """Count the processes that the kernel has ever killed for want of memory; `None` where it does not say."""
    try:
        counts = dict(line.split() for line in VMSTAT.read_text().splitlines())
    except OSError:
        return None
    return int(counts["oom_kill"]) if "oom_kill" in counts else None
