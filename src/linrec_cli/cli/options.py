"""Options that several commands share, written once."""

from pathlib import Path
from typing import Annotated

import typer

from linrec_cli import catalog
from linrec_cli.errors import UsageError

OUTPUT, WHERE = "Output", "Where things are"

Json = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON document on stdout, nothing else.")
]
DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="LINREC_DATA_DIR", rich_help_panel=WHERE, help="Folder of the data sets."),
]
ResultsDir = Annotated[
    Path,
    typer.Option("--results-dir", envvar="LINREC_RESULTS_DIR", rich_help_panel=WHERE, help="Folder of the results."),
]
DATASETS = Path("datasets")
RESULTS = Path("results")


def listed(text: str) -> list[str]:
    """Split `a,b,c`; repeats are dropped, order is kept."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"'{text}' has an empty entry; write a list as a,b,c.")
    return list(dict.fromkeys(parts))


def numbers(name: str, text: str) -> list[int]:
    """Split `1,2,3` into whole numbers; `name` is the option's, for the error."""
    try:
        return [int(part) for part in listed(text)]
    except ValueError:
        raise UsageError(f"--{name} takes whole numbers as 50,100,200, not '{text}'.") from None


def known(package: str) -> str:
    """Write the names of a catalog for a help text."""
    return ", ".join(catalog.names(package))
