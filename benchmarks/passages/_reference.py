"""The committed results that passages are made from."""

from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli.analysis.reading import read
from linrec_cli.plots.groups import Group, groups
from linrec_cli.results import schema, store

Row = dict[str, Any]
OF = {
    "train": (
        "command",
        "dataset",
        "data_digest",
        "model",
        "width",
        "layers",
        "setup",
        "benchmark",
        "device",
        "threads",
    ),
    "profile": ("command", "phase", "width", "heads", "benchmark", "device", "threads"),
}
"""What a figure's numbers and a row have in common."""


class Reference:
    """A folder of committed results: tables of runs, figures, and the CSVs of the scripts in `benchmarks/`.

    Rows of a changed checkout (a commit with `+`) are left out: nobody can make them again.
    """

    def __init__(self, root: Path, folder: str = "results/reference/cpu") -> None:
        self.root, self.name, self.folder = root, folder, root / folder

    @cached_property
    def table(self) -> pl.DataFrame:
        """Read every row of every run; of a folder without runs, none."""
        paths = sorted(self.folder.glob(f"runs/*/{store.TABLE}"))
        if not paths:
            return schema.table({}, [])
        frame = pl.concat([store.read_table(path) for path in paths], how="vertical")
        return frame.filter(~pl.col("commit").fill_null("").str.ends_with("+"))

    def settings(self, run: str) -> Row:
        """Read the settings of a run."""
        return store.read_settings(self.folder / "runs" / run / store.SETTINGS)

    def rows(self, **equal: Any) -> list[Row]:
        """Give the rows whose columns have these values; `name=[...]` is one of several."""
        rules = [pl.col(name).is_in(v) if isinstance(v, list) else pl.col(name) == v for name, v in equal.items()]
        return self.table.filter(*rules).to_dicts()

    def csv(self, name: str) -> list[Row]:
        """Read what a script measured, by the name of its file; nothing where it was not measured."""
        path = self.folder / f"{name}.csv"
        return pl.read_csv(path, infer_schema_length=None).to_dicts() if path.is_file() else []

    @cached_property
    def groups(self) -> list[Group]:
        """Give what shares a figure, and how its files are called."""
        return groups(read(self.table))

    def figure(self, name: str, row: Row, tokens: int | None = None) -> str:
        """Name the figure of numbers that were made as a row's; empty where there is none.

        Args:
            name: of the file, in which `{}` stands for what the numbers are of.
            tokens: of a profile's batch.
        """
        for group in self.groups:
            path = self.folder / "figures" / name.format(group.name)
            same = all(group.keys[key] == row.get(key) for key in OF[row["command"]])
            if same and tokens in (None, group.keys["tokens"]) and path.is_file():
                return path.relative_to(self.root).as_posix()
        return ""
