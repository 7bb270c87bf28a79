"""`linrec report`: one page that says what was measured, how, and how to measure it again."""

from pathlib import Path
from typing import Annotated

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import OUTPUT, RESULTS, WHERE, Elsewhere, Out, option
from linrec_cli.errors import UsageError

HELP = """Write one page on a results folder: sentences, tables, figures, origin, commands.

[bold]linrec report[/bold]
[bold]linrec report results/reference/cpu -o report.html[/bold]
[bold]linrec report --format md >> appendix.md[/bold]

The HTML page holds all it needs, figures too, and asks no network. Markdown goes to stdout and has no figures. \
Nothing is measured.
"""
FORMATS = ("html", "md")
STDOUT = Path("-")


def command(
    results_dir: Annotated[Path, typer.Argument(envvar="LINREC_RESULTS_DIR", help="Folder of the results.")] = RESULTS,
    output: Annotated[
        Path | None,
        option(
            WHERE,
            "The page; - is stdout.",
            "-o",
            "--output",
            show_default="report.html in the results; Markdown: stdout",
        ),
    ] = None,
    format: Annotated[
        str, option(OUTPUT, f"{' or '.join(FORMATS)}.", show_default="by the name of the page, else html")
    ] = "",
    out: Out = None,
    elsewhere: Elsewhere = None,
) -> None:
    """Read the runs, draw their figures, write the page."""
    results_dir, out = elsewhere or results_dir, output or out
    suffix = out.suffix.lower().removeprefix(".") if out else ""
    if suffix and suffix not in FORMATS and not format:
        raise UsageError(f"{out} is no .html or .md page; name one, or say --format.")
    format = format or suffix or "html"
    if format not in FORMATS:
        raise catalog.unknown("format", format, FORMATS)

    from linrec_cli.reporting.report import report
    from linrec_cli.results import store

    text = report(results_dir, format, console.say)
    if (format == "md" and not out) or out == STDOUT:
        console.page(text)
        return
    console.line(str(store.write_text(text, out or results_dir / "report.html")))
