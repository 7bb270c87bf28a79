"""What was timed while others used the cores or the GPU, marked: a ring around its point, and a line below."""

import polars as pl
from matplotlib.axes import Axes

from linrec_cli.plots import style

CAUTION = "ringed: timed while others used the cores or the GPU"


def ring(axes: Axes, x: str, y: str, points: pl.DataFrame) -> None:
    """Draw a ring around each contended point, at what stands under `x` and `y`."""
    crowded = points.filter("contended").drop_nulls([x, y])
    if len(crowded):
        axes.plot(
            crowded[x].to_list(),
            crowded[y].to_list(),
            "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=style.GREY,
            label="contended",
        )


def said(points: pl.DataFrame) -> list[str]:
    """Write which points are contended; nothing where none is."""
    crowded = points.filter("contended").drop_nulls("mechanism")
    if not len(crowded):
        return []
    known = points.filter(pl.col("contended").is_not_null())
    if len(crowded) == len(known):
        return [f"contended: every time ({CAUTION})"]
    return [f"contended: {places(crowded)} ({CAUTION})"]


def places(points: pl.DataFrame) -> str:
    """Write which mechanisms points are of, and at which lengths."""
    lengths = points.sort("mechanism", "maxlen").group_by("mechanism", maintain_order=True).agg("maxlen")
    return "; ".join(
        f"{name} at {', '.join(f'{maxlen:,}' for maxlen in dict.fromkeys(maxlens))}"
        for name, maxlens in lengths.iter_rows()
    )
