"""What a figure's lines below it say: how its numbers were made, what bands and exponents are, what is lacking."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from linrec_cli.analysis import phases
from linrec_cli.analysis.scaling import RULES, STATE
from linrec_cli.plots import contended
from linrec_cli.plots.panel_points import lengths
from linrec_cli.plots.panels import PANELS

AWARE = "told when the target was: no match for models that are not"
KEPT = "kept for each user: the state of a recurrence, or a cache, from one event to the next"


def lines(keys: Mapping[str, Any], how: str, points: pl.DataFrame) -> list[str]:
    """Write all lines below a figure over lengths."""
    aware = [AWARE] if keys.get("time_aware") else []
    made = trained(points) if keys["command"] == "train" else profiled(keys, points)
    return [how, *aware, *made, *skipped(points), *contended.said(points)]


def spread(points: pl.DataFrame) -> str:
    """Name what shows a spread: a band over lengths, a bar at one alone."""
    return "bars" if len(lengths(points)) == 1 else "bands"


def skipped(points: pl.DataFrame) -> list[str]:
    """Say what was skipped of each panel that has a number, panels that lack the same together."""
    lacking: dict[str, list[str]] = {}
    for panel in PANELS:
        mine = points.filter(panel=panel.name)
        if len(none := mine.filter(status="skipped")) and mine["value"].count():
            lacking.setdefault(contended.places(none), []).append(panel.title.partition(",")[0])
    return [f"skipped, {', '.join(titles)}: {places}" for places, titles in lacking.items()]


def trained(points: pl.DataFrame) -> list[str]:
    """Say what the points and bands of trainings are."""
    measured = points.filter(pl.col("value").is_not_null())
    seeds = sorted({*measured["runs"]}) or [1]
    one = "one standard error over users; of seconds: 20 to 80 % of the epochs"
    if seeds[-1] == 1:
        return [f"one seed; {spread(points)} of quality: {one}"]
    many = " to ".join(map(str, sorted({seeds[0], seeds[-1]})))
    over = f"mean of quality and median of costs over {many} seeds"
    alone = [f"of one seed: {one}"] if seeds[0] == 1 else []
    return [f"{over}; {spread(points)} from the lowest to the highest", *alone]


def profiled(keys: Mapping[str, Any], points: pl.DataFrame) -> list[str]:
    """Say what the points, bands and exponents of a profile are."""
    said, times = [], points.filter(pl.col("value").is_not_null(), panel="time")
    if len(times):
        said.append("; ".join([*sampled(times), *ranged(times, spread(points))]))
    if len(points.filter(pl.col("value").is_not_null(), panel="state")):
        said.append(KEPT)
    if len(points.drop_nulls("slope")):
        held = "batch" if keys.get("batch") else "tokens"
        state = STATE[held] if keys.get("phase") in phases.with_ways() else ""
        said.append(f"T^x: how a cost grows with the length; {RULES[held]}{state}")
    return list(filter(None, said))


def sampled(times: pl.DataFrame) -> list[str]:
    """Say of how many samples times are the median."""
    counts = sorted({count for count in times["samples"].to_list() if count})
    if not counts or counts[-1] == 1:
        return ["times: one sample each"] if counts else []
    return [f"times: the median of {' to '.join(map(str, sorted({counts[0], counts[-1]})))} samples"]


def ranged(times: pl.DataFrame, drawn: str) -> list[str]:
    """Say what the bands or bars of times are, where there are any."""
    runs = max(times["runs"].to_list())
    if runs == 1 and not len(times.filter(pl.col("low") < pl.col("high"))):
        return []
    return [f"{drawn}: {'20 to 80 % of them' if runs == 1 else f'the lowest to the highest median of {runs} runs'}"]
