"""Evaluations of several trained runs against that of the first, user by user."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from linrec_cli.errors import UsageError
from linrec_cli.runs.evaluate import trained
from linrec_cli.settings import Train, from_stored

if TYPE_CHECKING:
    from linrec_cli.analysis.side_by_side import Comparison
    from linrec_cli.runs.result import Result


def check(folders: Mapping[str, Path]) -> None:
    """Make sure, before anything is ranked, that runs share what their users are compared on.

    Args:
        folders: by what the runs are called.

    Raises:
        UsageError: there is one run alone, or they are of other data or another split.
    """
    from linrec_cli.analysis.side_by_side import alike

    if len(folders) < 2:
        raise UsageError("--significance compares runs with the first of them; name two or more.")
    first, *others = (asdict(from_stored(Train, trained(folder))) | {"run": name} for name, folder in folders.items())
    for other in others:
        alike(first, other, ("data_digest", "split"))


def significance(found: Mapping[str, "Result"]) -> "list[Comparison]":
    """Compare each evaluation with the first.

    Args:
        found: by what the runs are called.

    Raises:
        UsageError: they do not share data, split, seen rule or targets.
        NothingMeasuredError: there are fewer than two users.
    """
    from linrec_cli.analysis.side_by_side import comparisons

    return comparisons([(one.rows.row(0, named=True) | {"run": name}, one.ranks) for name, one in found.items()])
