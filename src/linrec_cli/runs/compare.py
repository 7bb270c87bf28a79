"""The results of one folder against those of another."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.errors import DataError, UsageError
from linrec_cli.settings import OWN, Train, from_stored, setup

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.analysis.verdict import Rule, Verdict


def compare(base: Path, new: Path, rule: "Rule") -> list["Verdict"]:
    """Judge what a folder holds against what another held before, with users' ranks where they are there.

    Args:
        base: a results folder, or the folder of one run.
        new: another.

    Raises:
        DataError: either holds no table, or one that cannot be read.
        UsageError: nothing in either was timed under the yardstick's name.
    """
    from linrec_cli.analysis.compare import compare as compared
    from linrec_cli.results import store

    after = store.read(new)
    try:
        before = store.read(base)
    except DataError as error:
        raise DataError(f"no baseline: {error} Keep {new} to compare the next results with.") from None
    return compared(before, after, rule, (ranks(base), ranks(new)), setups(base) | setups(new))


def ranks(folder: Path) -> dict[str, "pl.DataFrame"]:
    """Read the ranks of a folder's runs, by run, whatever its own folder is called; a committed reference has none."""
    from linrec_cli.results import store

    held = {path: path.with_name(store.RANKS) for path in store.tables(folder)}
    return {
        run: store.read_ranks(ranked)
        for path, ranked in held.items() if ranked.is_file() for run in store.read_table(path)["run"].unique()
    }  # fmt: skip


def setups(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the settings of a folder's trainings, by the digest of their setup, as far as they can be read."""
    from linrec_cli.results import store

    found: dict[str, dict[str, Any]] = {}
    for path in store.tables(folder):
        with suppress(DataError, UsageError, TypeError, ValueError):
            settings = from_stored(Train, store.read_settings(path.with_name(store.SETTINGS)))
            found[setup(settings)] = {name: value for name, value in asdict(settings).items() if name not in OWN}
    return found
