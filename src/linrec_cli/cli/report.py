"""`linrec report`: one page that says what was measured, how, and how to measure it again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linrec_cli import __version__, catalog
from linrec_cli.cli.options import OUTPUT, RESULTS, WHERE, option
from linrec_cli.cli.plot import every
from linrec_cli.runs.find import folders

if TYPE_CHECKING:
    from linrec_cli.runs.read import Run

HELP = """Write one page on a results folder: sentences, tables, figures, origin, commands.

[bold]linrec report[/bold]
[bold]linrec report results/reference/cpu -o report.html[/bold]
[bold]linrec report --format md >> appendix.md[/bold]

The HTML page holds all it needs, figures too, and asks no network. Markdown goes to stdout and has no figures. \
Nothing is measured.
"""
FORMATS = ("html", "md")


def command(
    results_dir: Annotated[Path, typer.Argument(envvar="LINREC_RESULTS_DIR", help="Folder of the results.")] = RESULTS,
    out: Annotated[
        Path | None,
        option(WHERE, "The page.", "-o", "--out", show_default="report.html in the results; Markdown: stdout"),
    ] = None,
    format: Annotated[
        str, option(OUTPUT, f"{' or '.join(FORMATS)}.", show_default="by the name of the page, else html")
    ] = "",
) -> None:
    """Read the runs, draw their figures, write the page."""
    format = format or ("md" if out and out.suffix == ".md" else "html")
    if format not in FORMATS:
        raise catalog.unknown("format", format, FORMATS)

    from linrec_cli.reporting import content, html, markdown
    from linrec_cli.results import store
    from linrec_cli.runs import read as run

    table, runs = store.read(results_dir), [run.read(folder) for folder in folders(results_dir)]
    parts = list(content.parts(runs, table, list(every(table))))
    title = f"linrec: {results_dir}"
    text = (html if format == "html" else markdown).page(title, about(runs), parts)
    if format == "md" and not out:
        print(text, end="")
        return
    print(store.write_text(text, out or results_dir / "report.html"))


def about(runs: "list[Run]") -> str:
    """Write when the page was made, and of how many runs."""
    counts = {name: sum(one.command == name for one in runs) for name in ("train", "evaluate", "profile")}
    made = ", ".join(f"{count} {name} run{'' if count == 1 else 's'}" for name, count in counts.items() if count)
    return f"{made}; written {datetime.now(UTC):%Y-%m-%d} by linrec {__version__}."
