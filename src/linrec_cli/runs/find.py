"""The runs of a results folder, found by what a user calls them."""

from pathlib import Path

from linrec_cli import catalog
from linrec_cli.errors import DataError, UsageError


def folders(results_dir: Path) -> list[Path]:
    """List the folders that hold a run, a table or settings alone.

    Raises:
        DataError: there is none.
    """
    from linrec_cli.results.store import SETTINGS, TABLE

    for pattern in ("runs/*", "**"):
        found = {path.parent for name in (SETTINGS, TABLE) for path in results_dir.glob(f"{pattern}/{name}")}
        if found:
            return sorted(found)
    raise DataError(f"no runs in {results_dir}; run `linrec train` or `linrec profile` first, or give --results-dir.")


def find(run: str, results_dir: Path, *, trained: bool = False) -> Path:
    """Find a run's folder from its path, its name, or the only name that contains what was given.

    Args:
        trained: only among the runs that have weights.

    Raises:
        UsageError: none fits, or several do.
    """
    from linrec_cli.results.store import SETTINGS, TABLE

    if any((Path(run) / name).is_file() for name in (SETTINGS, TABLE)):
        return Path(run)
    if Path(run).is_dir() and folders(Path(run)):
        raise UsageError(f"{run} is a folder of results, no run; list it with linrec show --results-dir {run}.")
    known = [path for path in folders(results_dir) if not trained or (path / "weights.safetensors").is_file()]
    fitting = [path for path in known if path.name == run] or [path for path in known if run in path.name]
    if len(fitting) == 1:
        return fitting[0]
    names = catalog.listed([path.name for path in fitting])
    if fitting:
        raise UsageError(f"'{run}' fits {len(fitting)} runs; name one: {names}.")
    raise catalog.unknown("finished run" if trained else "run", run, [path.name for path in known])
