"""How many times faster than the baseline each mechanism is."""

import polars as pl

from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.reading import distinct, parts
from linrec_cli.plots.keys import FIGURE, LINE


def speedups(times: pl.DataFrame) -> pl.DataFrame:
    """Divide the baseline's time by each other mechanism's in the same run, at each length that both have.

    Of a mechanism with several ways to do the same, the one counts that is quickest at the longest length. Numbers of
    two runs are never mixed: it is taking turns on one machine that makes them comparable.

    Returns:
        rows of the metric `speedup`, the baseline's name in `stage`.
    """
    return pl.concat([times.clear(), *map(over_baseline, parts(times, ["run", *FIGURE]))])


def over_baseline(times: pl.DataFrame) -> pl.DataFrame:
    """Make the speed-ups of one run and phase."""
    ways = times.sort("value").sort("maxlen", descending=True, maintain_order=True).unique("mechanism", keep="first")
    quickest = times.join(ways.select(LINE), on=LINE, nulls_equal=True, how="semi", maintain_order="left")
    name = baselines(distinct(times, "mechanism"))[0]
    base = quickest.filter(mechanism=name).select("maxlen", base="value", crowded="contended")
    return (
        quickest.join(base, on="maxlen", maintain_order="left")
        .filter(pl.col("mechanism") != name)
        .with_columns(
            metric=pl.lit("speedup"), stage=pl.lit(name), way=pl.lit(None, pl.String), unit=pl.lit("1"),
            value=pl.col("base") / pl.col("value"), low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64),
            contended=pl.max_horizontal("contended", "crowded"),
        )
        .select(times.columns)
    )  # fmt: skip
