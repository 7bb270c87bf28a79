"""How mechanisms and metrics are called, in every table, figure, sentence and verdict."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from linrec_cli import catalog
from linrec_cli.errors import UsageError

QUALITY: dict[str, Any] = {"metric": "ndcg", "k": 10}
"""What quality is where one number stands for it."""
HAS_ATTENTION = pl.col("attention").fill_null("") != ""
HAS_OPTIONS = pl.col("options").fill_null("") != ""
MECHANISM = (
    pl.when(HAS_ATTENTION & HAS_OPTIONS)
    .then(pl.format("{}:{}", "attention", "options"))
    .when(HAS_ATTENTION)
    .then("attention")
    .otherwise("model")
)
"""What `mechanism` gives, of the columns of a table."""


def mechanism(row: Mapping[str, Any]) -> str:
    """Name a mechanism as it is asked for, options included; of a model that takes none, the model."""
    if row.get("attention"):
        return ":".join(filter(None, (row["attention"], row.get("options"))))
    return row.get("model") or ""


def with_way(mechanism: str, way: str | None) -> str:
    """Name a mechanism, and the way that it does it where there are several."""
    return ", ".join(filter(None, (mechanism, way)))


def metric_label(row: Mapping[str, Any]) -> str:
    """Name a metric as people do: `NDCG@10`; what is none of the folder's keeps its name, as `seconds_per_epoch`."""
    name, _, given = str(row["metric"]).partition(":")
    title = titles(*catalog.names("metrics")).get(name, name)
    return ":".join(filter(None, (title, given))) + (f"@{row['k']}" if row.get("k") else "")


@cache
def titles(*names: str) -> dict[str, str]:
    """Give the title of each metric that can be imported; to one that another has too, add the name."""
    found = {name: module.TITLE for name, module in catalog.sound("metrics").items() if name in names}
    often = Counter(found.values())
    return {name: title if often[title] == 1 else f"{title} ({name})" for name, title in found.items()}


def metric_of(label: str) -> dict[str, Any]:
    """Split `ndcg@10` into the columns `metric` and `k`.

    Raises:
        UsageError: there is no such metric of ranks, or no cut-off.
    """
    name, _, k = label.lower().partition("@")
    if not hasattr(catalog.load("metrics", name), "value"):
        raise UsageError(
            f"{name} is of lists and not of users, whose differences are compared; take a metric of ranks."
        )
    if not k.isdecimal() or int(k) < 1:
        raise UsageError(f"'{label}' has no cut-off; write it as {name}@10.")
    return {"metric": name, "k": int(k)}
