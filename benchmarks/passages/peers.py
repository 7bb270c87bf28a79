"""Linrec beside others, as their documents and code say; what linrec has is counted."""

import csv
from pathlib import Path

from linrec_cli import catalog
from passages._reference import Reference
from passages._words import table
from passages.catalogs import cost

FEW = (
    *("sequential models", "attention by an option", "of linear cost", "one loss over all positions", "tied scores"),
    *("test of significance over", "time, peak memory, spread", "verdict with exit code"),
)
"""What the README shows."""


def few(reference: Reference) -> str:
    """Make the table of the README."""
    heads, *rows = lines()
    return table(heads, [row for row in rows if row[0] in FEW])


def every(reference: Reference) -> str:
    """Make the whole table."""
    heads, *rows = lines()
    return table(heads, rows)


def lines() -> list[list[str]]:
    """Read the table, and fill in what linrec has."""
    with (Path(__file__).parent / "peers.csv").open(encoding="utf-8") as file:
        return [[cell.format_map(counted()) for cell in line] for line in csv.reader(file)]


def counted() -> dict[str, int]:
    """Count models, mechanisms, and those of them whose cost is linear in the length `T`."""
    names = catalog.names("attentions")
    linear = [name for name in names if "T^2" not in cost(catalog.load("attentions", name))]
    return {"models": len(catalog.names("models")), "mechanisms": len(names), "linear": len(linear)}
