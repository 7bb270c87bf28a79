"""One cell of a sweep: what goes wrong in it becomes a row."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from linrec_cli import catalog, disk, machine
from linrec_cli.declared import declared
from linrec_cli.errors import LinrecError
from linrec_cli.processes import LostError
from linrec_cli.refusals import RefusedError, first, full, place
from linrec_cli.runs import events, halved
from linrec_cli.runs.data import Dataset
from linrec_cli.runs.events import Watch
from linrec_cli.runs.train import finished, train
from linrec_cli.settings import Train


def attempt(settings: Train, data: Dataset, folder: Path, fresh: bool, watch: Watch) -> None:
    """Train a cell; what goes wrong in it, or in a file that it names, becomes a row.

    Raises:
        HeldError: another process trains it.
        RefusedError: nothing can be written.
        LostError: it has several processes, and one is gone; the others stand where it was saved last.
    """
    try:
        train(settings, data, folder, watch=watch, fresh=fresh)
    except (disk.HeldError, RefusedError, LostError):
        raise
    except LinrecError as error:
        fail(settings, folder, "error", str(error), watch)
    except (MemoryError, RuntimeError) as error:
        fail(settings, folder, *halved.reason(settings, full(error), machine.said(error)), watch)
    except Exception as error:
        if isinstance(error, OSError) or not place(error).startswith(tuple(named(settings))):
            raise
        fail(settings, folder, "error", told(error), watch)


def named(settings: Train) -> Iterator[str]:
    """Give the files of what settings name: mechanism, model, loss and others."""
    for item, how in declared(settings):
        name = (getattr(settings, item.name) if how.folder else "").partition(":")[0]
        if name:
            yield f"{how.folder}/{catalog.files(how.folder)[name]}.py, "


def told(error: Exception) -> str:
    """Say in one line what was raised, and where in linrec or in a file that was added to it."""
    return f"{type(error).__name__}: {first(error).rstrip('.')} ({place(error)})"


def fail(settings: Train, folder: Path, status: str, note: str, watch: Watch) -> None:
    """Write the row of a cell that failed, and tell it.

    Raises:
        HeldError: another process trains it by now.
    """
    from linrec_cli.results import rows, schema, store

    environment = machine.describe(settings.device)
    shared = rows.shared(settings, "train", folder.name, datetime.now(UTC), environment)
    with disk.locked(folder):
        if finished(folder):
            return
        store.write_frame(schema.table(shared, [rows.failure(status, note)]), folder / store.TABLE)
    watch(events.Failed(folder.name, status, note))
