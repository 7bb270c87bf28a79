"""One cell of a sweep in a process of its own, which tells what happens and can be killed without harm."""

import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from linrec_cli import disk
from linrec_cli.errors import LinrecError
from linrec_cli.profiling import isolate
from linrec_cli.runs import events, halved
from linrec_cli.runs.attempt import attempt, fail, told
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch
from linrec_cli.runs.interrupt import Interrupts
from linrec_cli.settings import Train

INTERRUPTED, TERMINATED, HELD = 130, 143, 75
"""Exit codes of a child that was told to stop, and of one whose folder another process holds."""
PATIENCE = 60.0
"""Seconds a child has to save and end after it was told to, and where its parent was killed."""


def apart(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell in a fresh process, so that its memory is its own and its end is not ours.

    Raises:
        HeldError: another process trains it.
    """
    # Torch is loaded once for all cells.
    context, kills = isolate.server(), isolate.kills()
    reader, writer = context.Pipe(duplex=False)
    # What is kept is opened there anew; a frame goes along.
    kept = data.prepared.folder or data.prepared
    process = context.Process(target=child, args=(settings, kept, data.source, folder, fresh, writer))
    try:
        process.start()
        writer.close()
        listen(reader, watch)
        process.join()
    except BaseException:
        if process.pid:
            stop(process, reader, watch)
        raise
    code = process.exitcode
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code in (TERMINATED, -signal.SIGTERM):
        raise SystemExit(TERMINATED)
    if code == HELD:
        raise disk.HeldError(f"another process is at work on {folder}.")
    if code:
        full = isolate.starved(code, kills)
        said = isolate.STARVED if full else f"its process ended with code {code}"
        fail(settings, folder, *halved.reason(settings, full, said), watch)


def stop(process: Any, reader: Any, watch: Watch) -> None:
    """Tell a child to save and end, and wait for it, whatever else comes."""
    with suppress(KeyboardInterrupt, SystemExit), Interrupts("the run to be saved") as interrupts:
        # What made this begin was the first.
        interrupts.count = 1
        process.terminate()
        try:
            listen(reader, watch, PATIENCE)
        finally:
            process.join(PATIENCE)
            # What it would save now is lost; its last checkpoint stays.
            process.kill()
            process.join()


def listen(reader: Any, watch: Watch, seconds: float = float("inf")) -> None:
    """Pass on what a child tells, until it ends or the time is up.

    Raises:
        LinrecError: what ended it.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            event = reader.recv() if reader.poll(min(left, 1.0)) else None
        except (EOFError, OSError):
            return
        if isinstance(event, LinrecError):
            raise event
        if event:
            watch(event)


def child(settings: Train, kept: Any, source: Any, folder: Path, fresh: bool, writer: Any) -> None:
    """Open the data and train a cell, as a process of its own."""
    from linrec_cli.data import store
    from linrec_cli.runs.data import laid_out

    # A terminal sends Ctrl-C to both; the parent alone decides, and tells by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    isolate.end_with_parent(PATIENCE)

    def tell(event: events.Event | LinrecError) -> None:
        # Who listened may be gone; the run goes on until it can be saved.
        with suppress(OSError):
            writer.send(event)

    try:
        prepared = store.load(kept, settings.data, lambda line: None) if isinstance(kept, Path) else kept
        if prepared is None:
            fail(settings, folder, "error", f"{kept} is gone or damaged; run the command again.", tell)
        else:
            attempt(settings, laid_out(prepared, source), folder, fresh, tell)
    except disk.HeldError:
        raise SystemExit(HELD) from None
    except LinrecError as error:
        tell(error)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError:
        raise
    except Exception as error:
        fail(settings, folder, "error", told(error), tell)
