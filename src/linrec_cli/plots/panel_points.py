"""The points of panels, taken from the results table alone: nothing is measured or guessed here."""

import polars as pl

from linrec_cli.analysis.reading import latest, over_runs, over_seeds, whole
from linrec_cli.plots.keys import FIGURE, LINE
from linrec_cli.plots.panels import MIB, PANELS, Panel, profiled
from linrec_cli.plots.speedups import speedups

POINT = [*LINE, "maxlen"]
COLUMNS = ["panel", *POINT, "value", "low", "high", "runs", "samples", "status", "failed", "failure", "slope",
           "baseline", "contended"]  # fmt: skip
"""Of the table that lies beside a figure: all that is drawn."""


def points(rows: pl.DataFrame) -> pl.DataFrame:
    """Make the points of all figures, one a row: `FIGURE` and `COLUMNS`.

    A few points are no line's: in the panel `limit` the memory that a cell ran out of, in `crossover` the length from
    which on a mechanism is faster than the baseline of the speed-ups.
    """
    rows = whole(rows)
    rows = pl.concat([rows, speedups(rows.filter(profiled("seconds"), status="ok"))])
    made = [of_panel(rows, panel) for panel in PANELS]
    found = pl.concat([part for part in made if part["value"].count()] or made[:1])
    there = found.filter(pl.col("value").is_not_null()).select(FIGURE).unique(maintain_order=True)
    every = pl.concat([found, limits(rows), crossings(rows)], how="diagonal").select(*FIGURE, *COLUMNS)
    # What has no number at all is no figure.
    return every.join(there, on=FIGURE, how="semi", nulls_equal=True, maintain_order="left")


def of_panel(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Make a panel's points: what seeds or runs come to, between the lowest and the highest.

    With one seed the spread is the row's own, its quantiles or its error. Of a number that was made again the
    latest counts. `samples` is how many it was taken from. `failed` is how many of the runs gave none, `failure` why.
    """
    well = pl.col("status") == "ok"
    value, bad = pl.col("value").filter(well) * panel.scale, pl.col("status").filter(~well)
    low, high = (pl.col(name).filter(well).first() * panel.scale for name in ("low", "high"))
    several = value.count() > 1
    return (
        latest(rows.filter(panel.rows), [*FIGURE, *POINT, "seed"])
        .group_by([*FIGURE, *POINT], maintain_order=True)
        .agg(
            panel=pl.lit(panel.name),
            value=over_seeds(value) if panel.kind == "quality" else over_runs(value),
            low=pl.when(several).then(value.min()).otherwise(low),
            high=pl.when(several).then(value.max()).otherwise(high),
            runs=value.count(),
            samples=pl.col("samples").filter(well).list.len().sum(),
            status=pl.when(value.count() > 0).then(pl.lit("ok")).otherwise(pl.col("status").first()),
            failed=bad.count(),
            failure=bad.first(),
            baseline=pl.col("stage").first() if panel.kind == "ratio" else pl.lit(None, pl.String),
            contended=pl.col("contended").filter(well).max(),
        )
        .join(slopes(rows, panel.slope), on=[*FIGURE, *LINE], how="left", nulls_equal=True)
        .sort("panel", *POINT)
    )


def tried(points: pl.DataFrame) -> pl.DataFrame:
    """Leave out the points that were skipped: they have neither a number nor a failure."""
    return points.filter(pl.col("status").fill_null("") != "skipped")


def lengths(points: pl.DataFrame) -> list[int]:
    """List the lengths of points, but for those that were skipped throughout."""
    return tried(points)["maxlen"].drop_nulls().unique().sort().to_list()


def slopes(rows: pl.DataFrame, metric: str) -> pl.DataFrame:
    """List the exponents of one metric: a row a line of a figure, the exponent in `slope`."""
    found = latest(rows.filter(metric=metric, status="ok"), [*FIGURE, *LINE])
    return found.select(*FIGURE, *LINE, slope="value")


def crossings(rows: pl.DataFrame) -> pl.DataFrame:
    """List the lengths from which on a mechanism is faster than a baseline, as points of the panel `crossover`."""
    found = rows.filter(metric="crossover", status="ok").drop_nulls("value")
    last = latest(found, [*FIGURE, *LINE, "stage"])
    return last.select(*FIGURE, *LINE, "value", "low", "high", panel=pl.lit("crossover"), baseline="stage")


def limits(rows: pl.DataFrame) -> pl.DataFrame:
    """List the memory that a cell of each figure ran out of, as a point of the panel `limit`."""
    bound = (pl.col("metric") == "peak_bytes") & (pl.col("status") == "oom") & pl.col("low").is_not_null()
    found = rows.filter(bound).group_by(FIGURE, maintain_order=True).agg(pl.col("low").max() * MIB)
    return found.select(*FIGURE, value="low", panel=pl.lit("limit"))
