"""Options that several commands share, written once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.errors import UsageError

OUTPUT, WHERE = "Output", "Where things are"


def option(panel: str, text: str, *flags: str, **more: Any) -> Any:
    """Declare an option with its group and its help text."""
    return typer.Option(*flags, rich_help_panel=panel, help=text, show_envvar=False, **more)


Json = Annotated[bool, option(OUTPUT, "Print one JSON document on stdout, nothing else.", "--json")]
DataDir = Annotated[Path, option(WHERE, "Folder of the data sets.", "--data-dir", envvar="LINREC_DATA_DIR")]
ResultsDir = Annotated[Path, option(WHERE, "Folder of the results.", "--results-dir", envvar="LINREC_RESULTS_DIR")]
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
