"""What the scripts here measured, as small CSVs: a row a number or a case, with what made it in the row beside it."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Where linrec is not installed, as beside a peer in an environment of its own.
sys.path.append(str(Path(__file__).resolve().parents[1] / "src"))

from linrec_cli import machine

HERE = Path(__file__).resolve().parent

MADE = ("device", "threads", "torch", "linrec", "commit", "created", "command")
"""Columns that say how a row was made."""
DIGITS = 8


def write(rows: Iterable[Mapping[str, Any]], path: Path, threads: int, **more: Any) -> None:
    """Write rows as CSV, each with the machine, the versions, the commit, the day and the command that made it.

    Args:
        more: further columns of that kind, such as another program's version; they win.
    """
    import polars as pl

    made = {"threads": threads, **machine.describe("cpu"), "created": f"{datetime.now(UTC):%Y-%m-%d}"}
    made |= {"command": command(sys.argv)} | more
    records = [{name: short(value) for name, value in row.items()} | made for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(records, infer_schema_length=None).write_csv(path)
    print(f"wrote {path}")


def short(value: Any) -> Any:
    """Round a number to digits that are no rounding of the machine's."""
    return float(f"{round(value, DIGITS):.{DIGITS}g}") if isinstance(value, float) else value


def command(arguments: list[str]) -> str:
    """Write the command that is running, without where it was told to write and without folders of this machine."""
    script = Path(arguments[0]).resolve()
    place = script.relative_to(HERE) if script.is_relative_to(HERE) else Path(script.name)
    said, skip = [f"python benchmarks/{place}"], False
    for argument in arguments[1:]:
        if not skip and not argument.startswith("--out"):
            said.append(Path(argument).name if Path(argument).is_absolute() else argument)
        skip = argument == "--out"
    return " ".join(said)
