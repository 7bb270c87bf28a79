"""The results of one folder against those of another."""

from pathlib import Path
from typing import TYPE_CHECKING

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

    before, after = store.read(base), store.read(new)
    return compared(before, after, rule, (ranks(base, before), ranks(new, after)))


def ranks(folder: Path, table: "pl.DataFrame") -> dict[str, "pl.DataFrame"]:
    """Read the ranks of a table's runs, by run; a committed reference has none."""
    from linrec_cli.results import store

    runs = set(table["run"])
    paths = [path for path in folder.glob(f"**/{store.RANKS}") if path.parent.name in runs]
    return {path.parent.name: store.read_ranks(path) for path in paths}
