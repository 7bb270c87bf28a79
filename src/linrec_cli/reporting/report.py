"""A report on a results folder, as one page."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from linrec_cli import __version__, figures
from linrec_cli.analysis.reading import distinct, whole
from linrec_cli.reporting import content, html, markdown
from linrec_cli.results import store
from linrec_cli.results.schema import MACHINE
from linrec_cli.runs import read
from linrec_cli.runs.find import folders

MOST = 4
"""Names of a kind that a title has."""
PAGES = {"html": html.page, "md": markdown.page}
"""Writers of a page by what it is written in."""


def report(results_dir: Path, format: str, tell: Callable[[str], object] = lambda said: None) -> str:
    """Read the runs of a folder, draw their figures, and write the page; `format` is one of `PAGES`.

    Args:
        tell: hears of each figure that cannot be drawn, in one line.

    Raises:
        DataError: there is no run, or a table cannot be read.
    """
    table, runs = store.read(results_dir), [read.read(folder) for folder in folders(results_dir)]
    drawn = [one for one in figures.draw(table, tell=tell) if one.compares]
    parts = list(content.parts(runs, table, drawn))
    return PAGES[format](title(table), f"{results_dir}: {about(runs)}", parts)


def title(table: pl.DataFrame) -> str:
    """Write what was measured, on what, and where."""
    trained = distinct(table.filter(pl.col("command").is_in(["train", "evaluate"])), "dataset")
    phases = distinct(whole(table.filter(pl.col("phase") != MACHINE, command="profile")), "phase")
    what = [f"quality on {listed(trained)}"] * bool(trained) + [f"cost of {listed(phases)}"] * bool(phases)
    return f"linrec: {'; '.join(what) or 'nothing'}; {listed(distinct(table, 'device'))}"


def listed(names: Sequence[str]) -> str:
    """Write a few names; of many, how many more there are."""
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join([*map(str, names[:MOST]), *more])


def about(runs: Sequence[read.Run]) -> str:
    """Write when the page was made, and of how many runs."""
    counts = Counter(run.command for run in runs)
    made = [f"{counts[name]} {name} run{'' if counts[name] == 1 else 's'}" for name in ("train", "evaluate", "profile")
            if counts[name]]  # fmt: skip
    return f"{', '.join(made)}; written {datetime.now(UTC):%Y-%m-%d} by linrec {__version__}."
