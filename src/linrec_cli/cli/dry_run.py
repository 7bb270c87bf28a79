"""`linrec train --dry-run`: the cells, the settings and where each came from, and what it will cost."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import typer

from linrec_cli.cli import console
from linrec_cli.cli.options import PRESET
from linrec_cli.cli.train_table import headed, where
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.runs.data import Dataset

ORIGIN = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment", "DEFAULT_MAP": "linrec.toml", "DEFAULT": "default"}
COUNTS = ("parameters", "batches", "targets")


def show(cells: Sequence[Train], data: "Dataset", ctx: typer.Context, as_json: bool) -> None:
    """Estimate each cell from a few of its own batches, whatever its seed; train nothing to the end."""
    from linrec_cli import machine
    from linrec_cli.runs.axes import varying

    machine.prepare(cells[0].threads)
    estimates: dict[Train, dict[str, Any]] = {}
    for cell in cells:
        if alike(cell) not in estimates:
            estimates[alike(cell)] = estimated(cell, data)
    settings = {name: (value, origin(ctx, name)) for name, value in asdict(cells[0]).items()}
    if as_json:
        listed = [{"run": cell.name, **asdict(cell), "estimate": estimates[alike(cell)]} for cell in cells]
        console.document({"settings": settings, "cells": listed})
        return
    shown = [(name, several(cells, name), come) for name, (_, come) in settings.items()]
    console.table("Settings", ["setting", "value", "from"], shown)
    names = varying(cells)
    console.table(
        "1 cell" if len(cells) == 1 else f"{len(cells)} cells", [*map(headed, names), *COUNTS, "s/epoch", "MiB"],
        [line(cell, names, estimates[alike(cell)]) for cell in cells],
        "Seconds and MiB are extrapolated from up to 3 of each cell's own longest batches, validation excluded.",
    )  # fmt: skip


def alike(cell: Train) -> Train:
    """Give what costs the same as a cell."""
    return replace(cell, seed=0)


def estimated(cell: Train, data: "Dataset") -> dict[str, Any]:
    """Estimate what a cell will cost."""
    from linrec_cli.runs.peaks import Peaks
    from linrec_cli.training.estimate import estimate

    peaks = Peaks(cell.device)
    guess = estimate(cell, data.sequences.to(cell.device), data.split(cell.split).to(cell.device))
    peaks.ended("train")
    return asdict(guess) | {"peak_bytes": peaks.rows()[0].get("value")}


def several(cells: Sequence[Train], name: str) -> str:
    """Write the values that cells have of a setting."""
    return ",".join(map(str, dict.fromkeys(getattr(cell, name) for cell in cells)))


def line(cell: Train, names: Sequence[str], estimate: dict[str, Any]) -> list[object]:
    """Write a cell as a line of the table."""
    counts, peak = [f"{estimate[name]:,}" for name in COUNTS], estimate["peak_bytes"]
    # A peak that could not be read is none.
    costs = [console.duration(estimate["seconds"]), "–" if peak is None else f"{peak / 2**20:.0f}"]
    return [*where(cell, names), *counts, *costs]


def origin(ctx: typer.Context, name: str) -> str:
    """Tell where a setting came from."""
    source = ctx.get_parameter_source(name)
    if source is None:
        return "data"
    if source.name == "DEFAULT_MAP" and name in ctx.meta[PRESET]:
        return "preset"
    return ORIGIN.get(source.name, "default")
