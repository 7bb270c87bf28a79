"""`linrec plot`: figures from the results alone."""

from pathlib import Path
from typing import Annotated

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import OUTPUT, RESULTS, WHERE, Elsewhere, Json, Out, listed, option
from linrec_cli.errors import NothingMeasuredError

HELP = """Draw quality, time and memory against sequence length, and quality against cost.

[bold]linrec plot[/bold]
[bold]linrec plot results -o figures --format svg,png[/bold]
[bold]linrec plot results --format pdf --inches 3.3[/bold]

Nothing is measured: a figure shows what `linrec train` and `linrec profile` left in the results folder, one figure \
for each data set, phase, model, size and device: time, speed-up over softmax, memory, quality. Where three \
trainings or more differ in mechanism or length, another shows quality against memory and, where a profile of the \
same size timed the steps in turns, against time. Where `--roofline` was measured, another shows what share of the \
machine was used. One mechanism trained at one length alone has no figure where others have. Beside each lie the \
table it was drawn from, as CSV, and its caption, as text. What was drawn of the same results before and no longer \
is, is removed.
"""

FORMATS = ("png", "svg", "pdf")


Output = Annotated[
    Path | None, option(WHERE, "Folder of the figures.", "-o", "--output", show_default="figures in the results")
]


def command(
    results_dir: Annotated[Path, typer.Argument(envvar="LINREC_RESULTS_DIR", help="Folder of the results.")] = RESULTS,
    output: Output = None,
    inches: Annotated[
        float | None,
        option(
            OUTPUT,
            "Width of the figures: 3.3 for a column of a paper, 7 for a page.",
            min=2.5,
            max=50,
            show_default="as panels need",
        ),
    ] = None,
    format: Annotated[str, option(OUTPUT, f"File formats, as a,b. Known: {', '.join(FORMATS)}.")] = "png,svg",
    as_json: Json = False,
    out: Out = None,
    elsewhere: Elsewhere = None,
) -> None:
    """Read the results, draw every figure there is data for, write them."""
    formats = listed(format)
    if strange := [one for one in formats if one not in FORMATS]:
        raise catalog.unknown("format", strange[0], FORMATS)

    results_dir = elsewhere or results_dir
    written = drawn(results_dir, output or out or results_dir / "figures", inches, formats)
    if as_json:
        console.document({"files": [str(path) for path in written]})
        return
    console.page("".join(f"{path}\n" for path in written))


def drawn(results_dir: Path, folder: Path, inches: float | None, formats: list[str]) -> list[Path]:
    """Draw what there is data for into a folder, in place of what was drawn there before; say what cannot be drawn.

    Raises:
        NothingMeasuredError: there is nothing to draw.
    """
    from linrec_cli import figures
    from linrec_cli.plots import former
    from linrec_cli.plots.render import write
    from linrec_cli.results import store

    table, faults = store.read(results_dir), list[str]()
    written = [path for one in figures.draw(table, inches, faults.append) for path in write(one, folder, formats)]
    for fault in faults:
        console.say(fault)
    if not written:
        needs = "; ".join(f"{name} needs {need}" for name, need in figures.needs().items())
        raise NothingMeasuredError(f"nothing in {results_dir} can be drawn: {needs}.")
    # What cannot be drawn now may have been, and stays.
    if not faults:
        former.remove(folder, results_dir, (path.stem for path in written))
    return written
