"""`linrec show`: the runs of a results folder, a line each, or one of them in full."""

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linrec_cli.cli import console
from linrec_cli.cli.options import RESULTS, Json, ResultsDir
from linrec_cli.names import shown

if TYPE_CHECKING:
    from linrec_cli.runs.read import Row, Run

HELP = """List the runs of a results folder, or show one.

[bold]linrec show[/bold]
[bold]linrec show ml-100k-sasrec-linear-200-s0[/bold]
[bold]linrec show results/runs/NAME --json[/bold]

A run is shown with its settings, its training curve, its table, where it came from, and what is missing. \
Nothing is measured or changed.
"""
WIDTH = 80


def command(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run: its folder, its name, or a part of it.", show_default=False),
    ] = "",
    as_json: Json = False,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """List the runs, or show one."""
    from linrec_cli.runs.find import find, folders
    from linrec_cli.runs.read import read

    if not run:
        listing([read(folder) for folder in folders(results_dir)], results_dir, as_json)
        return
    one = read(find(run, results_dir))
    if as_json:
        whole = {"settings": one.settings, "history": one.history, "rows": one.rows, "missing": list(one.missing())}
        console.document(one.line() | whole)
    else:
        show(one)


def listing(found: list["Run"], results_dir: Path, as_json: bool) -> None:
    """Print a line a run, the latest last."""
    found = sorted(found, key=lambda run: (run.created, run.name))
    if as_json:
        console.document({"runs": [run.line() for run in found]})
        return
    wide = max(len(run.name) for run in found)
    for run in found:
        console.line(f"{run.state:<10}  {run.created:%Y-%m-%d %H:%M}  {run.name:<{wide}}  {run.headline}".rstrip())
    console.say(f"runs in {results_dir}: {len(found)}; times in UTC; `linrec show RUN` shows one.")


def show(run: "Run") -> None:
    """Print a run: what it is, settings, curves, table, origin, and what is missing."""
    from linrec_cli.analysis import numbers, origin
    from linrec_cli.analysis.history import curves
    from linrec_cli.cli.chart import chart

    for line in (run.name, f"{run.command}, {run.state}, {run.created:%Y-%m-%d %H:%M} UTC", ""):
        console.line(line)
    # What is empty says nothing.
    told = {name: text for name, value in run.settings.items() if (text := written(value))}
    paragraph("Settings", (f"{name} {text}" for name, text in told.items()))
    for title, values in curves(run.history):
        for line in (f"{title}:", *chart(values), ""):
            console.line(line)
    if run.rows:
        if run.command == "profile":
            profiled(run.told)
        elif lines := numbers.lines(run.rows):
            console.table("Numbers", numbers.COLUMNS, lines)
    paragraph("Made with", origin.said(run.rows))
    missing = list(run.missing())
    for line in ["Missing:", *(f"  {text}" for text in missing)] if missing else ["Nothing is missing."]:
        console.line(line)


def written(value: object) -> str:
    """Write a setting; of a list, its values."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def paragraph(title: str, parts: Iterable[str]) -> None:
    """Print parts as one paragraph that fits a plain terminal; nothing where there is no part."""
    # A name is not torn from its value, unless that is longer than a line.
    text = ", ".join(part.replace(" ", "\0") if len(part) < WIDTH else part for part in map(shown, parts))
    if text:
        filled = textwrap.fill(f"{title}: {text}", WIDTH, break_long_words=False, break_on_hyphens=False)
        console.page(filled.replace("\0", " ") + "\n\n")


def profiled(rows: list["Row"]) -> None:
    """Print a profile as `linrec profile` does: a table a phase and size, then how it scales."""
    from linrec_cli.analysis import tables
    from linrec_cli.analysis.sentences import sentences
    from linrec_cli.results.schema import MADE

    for table in tables.tables([row for row in rows if row["metric"] not in MADE]):
        console.table(f"{table.phase}: {table.sized}", table.columns, table.lines, table.kernels)
    console.sentences([*sentences(rows), ""])
