"""The results of one folder against those of another."""

from pathlib import Path
from typing import TYPE_CHECKING

from linrec_cli.errors import DataError

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
    return compared(before, after, rule, (ranks(base, before), ranks(new, after)))


def ranks(folder: Path, table: "pl.DataFrame") -> dict[str, "pl.DataFrame"]:
    """Read the ranks of a table's runs, by run; a committed reference has none."""
    from linrec_cli.results import store

    runs = set(table["run"])
    paths = (path.with_name(store.RANKS) for path in store.tables(folder))
    return {path.parent.name: store.read_ranks(path) for path in paths if path.parent.name in runs and path.is_file()}
