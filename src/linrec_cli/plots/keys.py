"""What tells figures apart, and the lines of one."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from linrec_cli.analysis.reading import like, read

FIGURE = [
    "command", "dataset", "data_digest", "phase", "model", "objective", "loss", "width", "heads", "layers", "tokens",
    "batch", "device", "dtype", "threads", "processes", "benchmark", "setup", "time_aware",
]  # fmt: skip
"""What must be the same for numbers to share a figure."""
LINE = ["mechanism", "way"]
"""What a line of a figure is of."""


def keyed(table: pl.DataFrame) -> pl.DataFrame:
    """Read a table, and tell what its batches have in common: fill in the columns `FIGURE` and `LINE`.

    A profile's lengths share the tokens of a batch, or its sequences: one of `tokens` and `batch` is the same for all
    rows of a run and phase, the other null. A sequence longer than the tokens asked for counts as so many tokens.
    """
    # At fixed tokens too a single length has a single number of sequences.
    sequences = (pl.col("tokens") / pl.col("maxlen")).drop_nulls()
    lengths = pl.col("maxlen").drop_nulls().n_unique()
    profiled, alike = pl.col("command") == "profile", (sequences.n_unique() == 1) & (lengths > 1)
    alike, same, least = (part.over("run", "phase") for part in (alike, sequences.min(), pl.col("tokens").min()))
    return read(table).with_columns(
        batch=pl.when(profiled & alike).then(same).cast(pl.Int64),
        tokens=pl.when(profiled & alike).then(None).when(profiled).then(least).otherwise(pl.col("tokens")),
    )


def of_figure(rows: pl.DataFrame, keys: Mapping[str, Any]) -> pl.DataFrame:
    """Take the rows that belong to a figure."""
    return like(rows, keys, FIGURE)
