"""The numbers of a results table in groups that a figure each can show: their names, looks and titles."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli.analysis import phases
from linrec_cli.plots import style
from linrec_cli.plots.keys import FIGURE, keyed
from linrec_cli.plots.panel_points import COLUMNS, points
from linrec_cli.settings import fitting

SAID = ("layers", "heads", "tokens", "batch", "device", "dtype", "threads", "benchmark")
"""What a stem says where it is not the same in all groups."""


@dataclass(frozen=True)
class Group:
    """Numbers that share a figure.

    Attributes:
        stem: of the names of the figure's files.
        keys: what the numbers have in common, under `FIGURE`.
        points: one a row, under `COLUMNS`.
    """

    stem: str
    keys: dict[str, Any]
    points: pl.DataFrame


def groups(table: pl.DataFrame) -> list[Group]:
    """Split a table into groups, each with a stem of its own."""
    found = [
        (dict(zip(FIGURE, keys, strict=True)), part.select(COLUMNS))
        for keys, part in points(keyed(table)).group_by(FIGURE, maintain_order=True)
    ]
    names = stems([keys for keys, _ in found])
    return [Group(name, *group) for name, group in zip(names, found, strict=True)]


def stems(every: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Name each group by what it is of, then by whatever tells it from the others."""
    said = [name for name in SAID if len({keys[name] for keys in every}) > 1]
    names = [stem(keys, said) for keys in every]
    # Where all that a name says is the same, other data or other settings make the difference.
    for more in ("{data_digest}-{setup}", "{objective}-{loss}"):
        counts = Counter(names)
        names = [
            clean(f"{name}-{more.format_map(keys)}") if counts[name] > 1 else name
            for name, keys in zip(names, every, strict=True)
        ]
    seen: Counter[str] = Counter()
    for name in map(fitting, names):
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def stem(keys: Mapping[str, Any], said: Iterable[str]) -> str:
    """Write what a group is of, then the columns that are said."""
    first = [keys["command"], keys["dataset"], keys["phase"], keys["model"], f"w{keys['width']}"]
    more = [f"{name}-{keys[name]}" for name in said if keys[name] is not None]
    return clean("-".join(str(part) for part in [*first, *more] if part))


def clean(text: str) -> str:
    """Write a text as the name of a file."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in text)


def looks(found: Iterable[Group]) -> style.Looks:
    """Give a look to each mechanism of a table's groups, the same for all figures of that table."""
    return style.looks(*(group.points["mechanism"].drop_nulls() for group in found))


def titles(keys: Mapping[str, Any]) -> tuple[str, str]:
    """Write what a figure is of, and where and how its numbers were made."""
    trained = keys["command"] == "train"
    what = f"{keys['model']} on {keys['dataset']}" if trained else phases.title(keys["phase"], keys["model"])
    size = [f"width {keys['width']}", f"{keys['heads']} heads"]
    if keys["layers"]:
        size.append(f"{keys['layers']} layers")
    load = f"batch {keys['batch']:,}" if keys.get("batch") else f"{keys['tokens']:,} tokens a batch"
    how = [load, keys["device"], keys["dtype"], f"threads {keys['threads']}"]
    return f"{what}: {', '.join(size)}", "   ".join(map(str, how))
