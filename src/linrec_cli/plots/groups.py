"""The numbers of a results table in groups that a figure each can show: their names, looks and titles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli.analysis import phases
from linrec_cli.names import several
from linrec_cli.plots import style
from linrec_cli.plots.keys import FIGURE, keyed
from linrec_cli.plots.names import names
from linrec_cli.plots.panel_points import COLUMNS, points


@dataclass(frozen=True)
class Group:
    """Numbers that share a figure.

    Attributes:
        name: what they are of, the stem of the names of the figure's files but for the kind of figure.
        keys: what they have in common, under `FIGURE`, the `split` of their targets, and the `fewest` and
            the `most` epochs that they were trained for.
        points: one a row, under `COLUMNS`.
    """

    name: str
    keys: dict[str, Any]
    points: pl.DataFrame


def groups(table: pl.DataFrame) -> list[Group]:
    """Split a table into groups, each with a name of its own."""
    rows = keyed(table)
    epochs = pl.col("value").filter(pl.col("metric") == "epochs")
    shared = [pl.col("created").min(), pl.col("split").drop_nulls().first()]
    firsts = rows.group_by(FIGURE).agg(*shared, epochs.min().alias("few"), epochs.max().alias("many"))
    about = {row[: len(FIGURE)]: row[len(FIGURE) :] for row in firsts.iter_rows()}
    found = list(points(rows).group_by(FIGURE, maintain_order=True))
    # Rows of quality alone say how targets were split off.
    every = [dict(zip(FIGURE, keys, strict=True)) | {"split": about[keys][1]} for keys, _ in found]
    called = names(every, [about[keys][0] for keys, _ in found])
    for own, (keys, _) in zip(every, found, strict=True):
        own |= dict(zip(("fewest", "most"), about[keys][2:], strict=True))
    return [Group(name, keys, part.select(COLUMNS)) for name, keys, (_, part) in zip(called, every, found, strict=True)]


def looks(found: Iterable[Group]) -> style.Looks:
    """Give a look to each mechanism of a table's groups, the same for all figures."""
    return style.looks(*(group.points["mechanism"].drop_nulls() for group in found))


def trained_for(keys: Mapping[str, Any]) -> str:
    """Write how many epochs trainings had, the shortest and the longest of them."""
    few, many = keys.get("fewest"), keys.get("most")
    if few is None or many is None:
        return ""
    return several(round(many), "epoch") if few == many else f"{few:.0f} to {many:.0f} epochs"


def titles(keys: Mapping[str, Any]) -> tuple[str, str]:
    """Write what a figure is of, and where and how its numbers were made."""
    trained = keys["command"] == "train"
    what = f"{keys['model']} on {keys['dataset']}" if trained else phases.title(keys["phase"], keys["model"])
    size = [f"width {keys['width']}", several(keys["heads"], "head")]
    if keys["layers"]:
        size.append(several(keys["layers"], "layer"))
    tokens = f"{keys['tokens']:,} tokens a batch" if keys["tokens"] else ""
    load = f"batch {keys['batch']:,}" if keys.get("batch") else tokens
    how = [keys.get("split"), trained_for(keys), load, keys["device"], keys["dtype"], f"threads {keys['threads']}"]
    return f"{what}: {', '.join(size)}", "   ".join(map(str, filter(None, how)))
