"""`linrec train --dry-run`: the cells, the settings and where each came from, and what it will cost."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from linrec_cli.cli import console
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.data.sequences import Sequences

ORIGIN = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment", "DEFAULT_MAP": "linrec.toml"}


def show(cells: list[Train], sequences: "Sequences", ctx: typer.Context, as_json: bool) -> None:
    """Estimate each length and mechanism from a few of its own batches; train nothing to the end."""
    from linrec_cli import machine
    from linrec_cli.profiling import memory
    from linrec_cli.training.estimate import estimate

    machine.prepare(cells[0].threads)
    settings = {name: (value, origin(ctx, name)) for name, value in asdict(cells[0]).items()}
    estimates = {}
    for cell in cells:
        if (cell.attn, cell.maxlen) not in estimates:
            before = memory.baseline()
            guess = estimate(cell, sequences.to(cell.device))
            estimates[cell.attn, cell.maxlen] = asdict(guess) | {"peak_bytes": memory.above(before)}
    if as_json:
        listed = [{"run": c.name, **asdict(c), "estimate": estimates[c.attn, c.maxlen]} for c in cells]
        console.document({"settings": settings, "cells": listed})
        return
    lists = {"attn", "maxlen", "seed"}
    shown = [
        (name, ctx.params.get(name, value) if name in lists else value, come)
        for name, (value, come) in settings.items()
    ]
    console.table("Settings", ["setting", "value", "from"], shown)
    lines = []
    for cell in cells:
        e = estimates[cell.attn, cell.maxlen]
        counts = [f"{e[name]:,}" for name in ("parameters", "batches", "targets")]
        cost = [console.duration(e["seconds"]), f"{e['peak_bytes'] / 2**20:.0f}"]
        lines.append([cell.attn, cell.maxlen, cell.seed, *counts, *cost])
    console.table(
        f"{len(cells)} cells", ["attention", "maxlen", "seed", "parameters", "batches", "targets", "s/epoch", "MiB"],
        lines, "Seconds and MiB are extrapolated from up to 3 of each cell's own longest batches, validation excluded.",
    )  # fmt: skip


def origin(ctx: typer.Context, name: str) -> str:
    """Tell where a setting came from."""
    source = ctx.get_parameter_source(name)
    if source is None:
        return "data"
    return ORIGIN.get(source.name, "default")
