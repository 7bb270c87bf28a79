"""The curves of a training, over its epochs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from linrec_cli.analysis.labels import QUALITY, metric_label

CURVES = {"ndcg": (f"Validation {metric_label(QUALITY)}", max), "loss": ("Training loss", min)}
"""Columns of a history, with their titles and which end is good."""


def curves(history: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    """Give each curve: its title, which says the best value and its epoch, counted from 1, and its values."""
    for name, (title, best) in CURVES.items():
        values = numbers(history, name)
        # What is counted and not trained has no loss.
        if known := [value for value in values if math.isfinite(value)]:
            peak = best(known)
            yield f"{title} by epoch, best {peak:.4f} at {values.index(peak) + 1}", values


def numbers(history: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Take a number of each epoch; what says nothing of it, or something else, has none."""
    found = (epoch.get(name) for epoch in history)
    return [float(value) if isinstance(value, int | float) else math.nan for value in found]
