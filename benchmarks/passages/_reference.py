"""The committed results that passages are made from."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli.results import schema, store

Row = dict[str, Any]


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

    def figure(self, start: str, device: str = "", end: str = ".png") -> str:
        """Name the figure whose file begins and ends so and is of that device; empty where there is none.

        A name has the device in it only where there are several.
        """
        slug = re.sub(r"\W", "_", device)
        names = [path.name for path in sorted(self.folder.glob(f"figures/{start}*{end}"))]
        found = [name for name in names if slug in name or "-device-" not in name]
        return f"{self.name}/figures/{found[-1]}" if found else ""
