"""What a figure's lines below it say: how its numbers were made, what its bands are, what its exponents mean."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from linrec_cli.analysis.scaling import RULES
from linrec_cli.plots import contended

AWARE = "told when the target was: no match for models that are not"


def lines(keys: Mapping[str, Any], how: str, points: pl.DataFrame) -> list[str]:
    """Write all lines below a figure over lengths."""
    aware = [AWARE] if keys.get("time_aware") else []
    return [how, *aware, *(trained(points) if keys["command"] == "train" else profiled(keys, points))]


def trained(points: pl.DataFrame) -> list[str]:
    """Say what the points and bands of trainings are, and which took longer than they should."""
    measured = points.filter(pl.col("value").is_not_null())
    seeds = sorted({*measured["runs"]}) or [1]
    one = "one standard error over users; of seconds: 20 to 80 % of the epochs"
    if seeds[-1] == 1:
        return [f"one seed; bands of quality: {one}", *contended.said(points)]
    many = " to ".join(map(str, sorted({seeds[0], seeds[-1]})))
    made = f"mean of quality and median of costs over {many} seeds; bands from the lowest to the highest"
    alone = [f"of one seed: {one}"] if seeds[0] == 1 else []
    return [made, *alone, *contended.said(points)]


def profiled(keys: Mapping[str, Any], points: pl.DataFrame) -> list[str]:
    """Say what the points, bands and exponents of a profile are, and what others disturbed."""
    said, times = [], points.filter(pl.col("value").is_not_null(), panel="time")
    if len(times):
        counts, runs = [count for count in times["samples"].to_list() if count], max(times["runs"].to_list())
        several = " to ".join(map(str, sorted({min(counts), max(counts)}))) if counts else ""
        of_time = f"times: the median of {several} samples; bands: " if counts else "bands: "
        ends = "20 to 80 % of them" if runs == 1 else f"the lowest to the highest median of {runs} runs"
        said.append(of_time + ends)
    if len(points.drop_nulls("slope")):
        said.append(f"T^x: how a cost grows with the length; {RULES['batch' if keys.get('batch') else 'tokens']}")
    return [*said, *contended.said(points)]
