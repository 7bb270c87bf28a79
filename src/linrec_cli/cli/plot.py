"""`linrec plot`: figures from the results alone."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import OUTPUT, RESULTS, WHERE, Json, listed, option
from linrec_cli.errors import DataError, NothingMeasuredError

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.figures.lengths import Drawn

HELP = """Draw quality, time and memory against sequence length, and quality against cost.

[bold]linrec plot[/bold]
[bold]linrec plot results -o figures --format svg,png[/bold]
[bold]linrec plot results --format pdf --inches 3.3[/bold]

Nothing is measured: a figure shows what `linrec train` and `linrec profile` left in the results folder, one \
figure for each data set, phase, model, size and device: time, speed-up over softmax, memory, quality. Where three \
mechanisms or more were trained at a length, another shows quality against cost, and where `--roofline` was measured, \
another what share of the machine was used. The table a figure was drawn from lies beside it as CSV.
"""

FORMATS = ("png", "svg", "pdf")


def command(
    results_dir: Annotated[Path, typer.Argument(envvar="LINREC_RESULTS_DIR", help="Folder of the results.")] = RESULTS,
    out: Annotated[
        Path | None,
        option(WHERE, "Folder of the figures.", "-o", "--out", show_default="figures in the results"),
    ] = None,
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
) -> None:
    """Read the results, draw every figure there is data for, write them."""
    formats = listed(format)
    for suffix in formats:
        if suffix not in FORMATS:
            raise catalog.unknown("format", suffix, FORMATS)

    from linrec_cli.results import store

    folder, table = out or results_dir / "figures", store.read(results_dir)
    written = [path for drawn in every(table, inches) for path in write(drawn, folder, formats)]
    if not written:
        raise NothingMeasuredError(f"nothing in {results_dir} can be drawn; every row there says why it has no number.")
    if as_json:
        console.document({"files": [str(path) for path in written]})
        return
    for path in written:
        print(path)


def every(table: "pl.DataFrame", inches: float | None = None) -> "Iterator[Drawn]":
    """Draw every figure that a results table has data for."""
    from linrec_cli.figures import lengths as figures
    from linrec_cli.figures import pareto, roofline

    return chain.from_iterable(module.every(table, inches) for module in (figures, pareto, roofline))


def write(drawn: "Drawn", folder: Path, formats: list[str]) -> list[Path]:
    """Write a figure in each format, and its points as CSV, all with the same stem."""
    from linrec_cli.plots.render import rendered

    paths = [folder / f"{drawn.stem}.{suffix}" for suffix in [*formats, "csv"]]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, suffix in zip(paths, formats, strict=False):
            path.write_bytes(rendered(drawn.figure, suffix))
        drawn.points.write_csv(paths[-1])
    except OSError as error:
        raise DataError(f"cannot write {error.filename}: {error.strerror}; choose another folder with -o.") from None
    return paths
