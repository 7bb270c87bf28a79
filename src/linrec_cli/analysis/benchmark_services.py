"""Verdicts as benchmark services take them, under names that are the same in every comparison on one machine."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from linrec_cli.analysis.verdict import Verdict
from linrec_cli.analysis.verdict_text import metric, short, told_apart, worded
from linrec_cli.names import several

NAMED = ("form", "width", "heads", "layers", "tokens", "dtype", "protocol", "seen", "setup")
"""What a full name says of a cell beside its command, data set, model, mechanism, length and phase."""


def full_names(verdicts: Sequence[Verdict]) -> list[str]:
    """Name each cell so that it has the same name in every comparison on one machine."""
    texts = []
    for cell in (one.cell for one in verdicts):
        # A model that takes no mechanism is called by its name already.
        start = (cell[name] for name in ("command", "dataset", *["model"][: bool(cell["attention"])]) if cell[name])
        more = (worded(cell, name) for name in NAMED if cell[name] is not None)
        texts.append(" ".join((*start, *short(cell), *more)))
    return told_apart(texts, verdicts, ("device", "threads", "data_digest"))


def bmf(verdicts: Sequence[Verdict]) -> dict[str, dict[str, dict[str, float]]]:
    """Write the new side in the Bencher Metric Format: by cell, then by measure; time in nanoseconds, or relative.

    Source: bencher.dev, Bencher Metric Format.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for one, name in measured(verdicts):
        scale = 1e9 if one.unit == "s" else 1.0
        numbers = {"value": middle(one), "lower_value": min(one.new), "upper_value": max(one.new)}
        numbers = {name: scale * value for name, value in numbers.items()}
        found.setdefault(name, {})[measure(one)] = numbers
    return found


def measure(verdict: Verdict) -> str:
    """Name a measure as Bencher does: `latency` is its own, in nanoseconds."""
    if verdict.kind == "time":
        whose = {"wall_seconds": "wall-", "validation_seconds": "validation-"}.get(verdict.cell["metric"], "")
        return whose + ("latency" if verdict.unit == "s" else "relative-time")
    if verdict.kind == "quality":
        return f"{verdict.cell['metric']}-{verdict.cell['k']}"
    return str(verdict.cell["metric"]).replace("_", "-")


def gha(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Write the new side's costs for github-action-benchmark's `customSmallerIsBetter`; quality is no cost.

    Source: github.com/benchmark-action/github-action-benchmark, `BenchmarkResult`.
    """
    return [
        {
            "name": f"{name} {metric(one)}",
            "unit": one.unit,
            "value": middle(one),
            "range": f"{min(one.new):.6g} - {max(one.new):.6g}",
            "extra": f"{several(len(one.new), 'run')}; {one.verdict}",
        }
        for one, name in measured(verdicts)
        if one.kind != "quality"
    ]


def middle(verdict: Verdict) -> float:
    """Give what the new side comes to."""
    return verdict.sides[1] or 0.0


def measured(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, str]]:
    """Pass on what the new side has a number of, with its full name."""
    return (pair for pair in zip(verdicts, full_names(verdicts), strict=True) if pair[0].new)


SERVICES: dict[str, Callable[[Sequence[Verdict]], Any]] = {"bmf": bmf, "gha": gha}
"""Writers by the name that `--export` takes."""
