"""The runs of a results folder, found by what a user calls them, or by their settings."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from linrec_cli import catalog
from linrec_cli.errors import DataError, UsageError
from linrec_cli.settings import Train, digest, from_stored, strange


def folders(results_dir: Path) -> list[Path]:
    """List the folders that hold a run, a table or settings alone.

    Raises:
        DataError: there is none.
    """
    if found := held(results_dir):
        return found
    raise DataError(f"no runs in {results_dir}; run `linrec train` or `linrec profile` first, or give --results-dir.")


def held(folder: Path) -> list[Path]:
    """List the folders within one that hold a run; where it has no `runs`, wherever they lie."""
    from linrec_cli.results.store import SETTINGS, TABLE

    for pattern in ("runs/*", "**"):
        found = {path.parent for name in (SETTINGS, TABLE) for path in folder.glob(f"{pattern}/{name}")}
        if found:
            return sorted(found)
    return []


def find(run: str, results_dir: Path, *, trained: bool = False) -> Path:
    """Find a run's folder from its path, its name, or the only name that contains what was given.

    Args:
        trained: only among the runs that have weights.

    Raises:
        UsageError: there is none, none fits, or several do.
    """
    from linrec_cli.results.store import SETTINGS, TABLE

    if any((Path(run) / name).is_file() for name in (SETTINGS, TABLE)):
        return Path(run)
    if Path(run).is_dir() and held(Path(run)):
        raise UsageError(f"{run} is a folder of results, no run; list it with linrec show --results-dir {run}.")
    known = [path for path in folders(results_dir) if not trained or (path / "weights.safetensors").is_file()]
    fitting = [path for path in known if path.name == run] or [path for path in known if run in path.name]
    if len(fitting) == 1:
        return fitting[0]
    names = catalog.listed([path.name for path in fitting])
    if fitting:
        raise UsageError(f"'{run}' fits {len(fitting)} runs; name one: {names}.")
    kind = "finished run" if trained else "run"
    if not known:
        raise UsageError(f"no {kind} '{run}', nor any other in {results_dir}; make one by linrec train.")
    raise catalog.unknown(kind, run, [path.name for path in known])


def trainings(results_dir: Path) -> dict[str, Path]:
    """List the training runs by the digest of what their settings say, whatever their folders are called.

    Of runs of the same settings one with a table comes before others, and the first by name before the rest.
    """
    from linrec_cli.results import store

    paths = sorted(results_dir.glob(f"runs/*/{store.SETTINGS}"))
    paths.sort(key=lambda path: not path.with_name(store.TABLE).is_file())
    found: dict[str, Path] = {}
    for path in paths:
        # What cannot be read is no run to find.
        with suppress(DataError, UsageError, TypeError, ValueError):
            if trained(stored := store.read_settings(path)):
                found.setdefault(digest(from_stored(Train, stored)), path.parent)
    return found


def trained(stored: Mapping[str, Any]) -> bool:
    """Tell whether settings are those of a training, all of which this linrec knows."""
    return isinstance(stored.get("attn"), str) and not {"of", "phase"} & stored.keys() and not strange(stored)


def same(settings: Train, results_dir: Path, known: Mapping[str, Path] | None = None) -> Path | None:
    """Find the training run of the same settings: by its name, else by what its settings say.

    Args:
        known: the runs by digest, where many are looked for.
    """
    from linrec_cli.results import store

    named = store.folder(results_dir, settings.name)
    if (named / store.SETTINGS).is_file():
        return named
    return (trainings(results_dir) if known is None else known).get(digest(settings))


def check(settings: Train, folder: Path) -> None:
    """Make sure that a finished run is the one of some settings, as the name of its folder says.

    Raises:
        DataError: its own settings are damaged, or others.
    """
    from linrec_cli.results import store

    path = folder / store.SETTINGS
    if not path.is_file():
        return
    with suppress(UsageError, TypeError, ValueError):
        if digest(from_stored(Train, store.read_settings(path))) == digest(settings):
            return
    raise DataError(f"{path} holds other settings than its folder is named by; put it back, or train with --fresh.")
