"""The results table with what figures go by: a mechanism with its options, the way it serves, what a batch holds."""

import polars as pl

GROUP = [
    "command", "dataset", "data_digest", "phase", "model", "width", "heads", "layers", "tokens", "batch", "device",
    "dtype", "threads", "benchmark", "setup",
]  # fmt: skip
"""What must be the same for numbers to share a figure."""
LINE = ["mechanism", "way"]
"""What a line of a figure is of."""
PARTS = ["forward", "backward"]
"""Phases that have a figure only where they were measured without the whole layer."""


def labelled(table: pl.DataFrame) -> pl.DataFrame:
    """Add the columns `mechanism`, `way` and `batch`.

    A profile's lengths share the tokens of a batch, or its sequences: one of `tokens` and `batch` is the same for all
    rows of a run and phase, the other null. A sequence longer than the tokens asked for counts as so many tokens.
    """
    given = pl.when(pl.col("options").fill_null("") != "").then(pl.format(":{}", "options")).otherwise(pl.lit(""))
    served = (pl.col("phase") == "serve") & (pl.col("metric") != "crossover")
    stage = pl.col("stage").str.split(".").list.first()
    rows = table.with_columns(
        mechanism=pl.col("attention") + given,
        way=pl.when(served).then(stage),
        status=pl.col("status").cast(pl.String),
    )
    # At fixed tokens too a single length has a single number of sequences.
    sequences = (pl.col("tokens") / pl.col("maxlen")).drop_nulls()
    lengths = pl.col("maxlen").drop_nulls().n_unique()
    profiled, alike = pl.col("command") == "profile", (sequences.n_unique() == 1) & (lengths > 1)
    alike, same, least = (part.over("run", "phase") for part in (alike, sequences.min(), pl.col("tokens").min()))
    return rows.with_columns(
        batch=pl.when(profiled & alike).then(same).cast(pl.Int64),
        tokens=pl.when(profiled & alike).then(None).when(profiled).then(least).otherwise(pl.col("tokens")),
    )


def latest(rows: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Keep of each number that was made again the last; numbers are told apart by figure, line and `more`."""
    return rows.sort("created").unique([*GROUP, *LINE, *more], keep="last", maintain_order=True)
