"""What figures show beside measured points: speed-ups, slopes, crossovers, and the memory that some cell ran out of."""

import polars as pl

from linrec_cli.plots.labelled import GROUP, LINE, latest

BASELINE = "softmax"
"""What speed-ups are over where it was measured; else over `softmax-...`, or over the first mechanism."""


def speedups(times: pl.DataFrame) -> pl.DataFrame:
    """Divide the baseline's time by each other mechanism's in the same run, at each length that both have.

    Of a mechanism with several ways to do the same, the one counts that is quickest at the longest length. Numbers of
    two runs are never mixed: it is taking turns on one machine that makes them comparable.

    Returns:
        rows of the metric `speedup`, the baseline's name in `stage`.
    """
    parts = times.partition_by("run", *GROUP, maintain_order=True)
    return pl.concat([times.clear(), *(over_baseline(part) for part in parts)])


def over_baseline(times: pl.DataFrame) -> pl.DataFrame:
    """Make the speed-ups of one run and phase."""
    ways = times.sort("value").sort("maxlen", descending=True, maintain_order=True).unique("mechanism", keep="first")
    quickest = times.join(ways.select(LINE), on=LINE, nulls_equal=True, how="semi", maintain_order="left")
    base = quickest.filter(mechanism=baseline(times["mechanism"].unique(maintain_order=True).to_list()))
    name = base["mechanism"][0]
    return (
        quickest.join(base.select("maxlen", base="value"), on="maxlen", maintain_order="left")
        .filter(pl.col("mechanism") != name)
        .with_columns(
            metric=pl.lit("speedup"), stage=pl.lit(name), way=pl.lit(None, pl.String), unit=pl.lit("1"),
            value=pl.col("base") / pl.col("value"), low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64),
        )
        .select(times.columns)
    )  # fmt: skip


def baseline(names: list[str]) -> str:
    """Choose the mechanism that the others are compared with."""
    fused = [name for name in names if name == BASELINE]
    return next(iter([*fused, *(name for name in names if name.startswith(f"{BASELINE}-")), *names]))


def slopes(rows: pl.DataFrame, metric: str) -> pl.DataFrame:
    """List the exponents of one metric: a row a line of a figure, the exponent in `slope`."""
    return latest(rows.filter(metric=metric, status="ok")).select(*GROUP, *LINE, slope="value")


def crossings(rows: pl.DataFrame) -> pl.DataFrame:
    """List the lengths from which on a mechanism is faster than a baseline, as points of the panel `crossover`."""
    found = latest(rows.filter(metric="crossover", status="ok").drop_nulls("value"), "stage")
    return found.select(*GROUP, *LINE, "value", "low", "high", panel=pl.lit("crossover"), baseline="stage")


def limits(rows: pl.DataFrame, scale: float) -> pl.DataFrame:
    """List the memory that a cell of each figure ran out of, as a point of the panel `limit`."""
    bound = (pl.col("metric") == "peak_bytes") & (pl.col("status") == "oom") & pl.col("low").is_not_null()
    found = rows.filter(bound).group_by(GROUP, maintain_order=True).agg(pl.col("low").max() * scale)
    return found.select(*GROUP, value="low", panel=pl.lit("limit"))
