"""What trainings and evaluations came to, a line a mechanism and length, over the seeds there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import stdev
from typing import Any, NamedTuple

import polars as pl

from linrec_cli import catalog
from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.labels import QUALITY, metric_label
from linrec_cli.analysis.numbers import short
from linrec_cli.analysis.reading import distinct, latest, over_runs, over_seeds, parts, read
from linrec_cli.names import several


class Content(NamedTuple):
    """A table in words; `of` has a row that it is of."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str
    of: Mapping[str, Any]


Row = Mapping[str, Any]
Options = Mapping[str, str]
"""What trainings were told beyond what is usual, by their setup."""

GROUP = ("dataset", "data_digest", "model", "width", "layers", "heads", "setup", "benchmark", "protocol", "seen",
         "split", "stage")  # fmt: skip
"""What must be the same for numbers to share a table."""
APART = {"split": "--split", "setup": "settings", "benchmark": "benchmark", "data_digest": "data",
         "stage": "--stage", "protocol": "--protocol", "seen": "--seen"}  # fmt: skip
"""What tells groups of the same name apart, and what stands before it."""
LINE = ["maxlen", "mechanism"]
COSTS = {"seconds_per_epoch": ("s an epoch", 1.0), "peak_bytes": ("peak MiB", 2.0**-20)}
HEADLINE = metric_label(QUALITY)
FEW = 3
"""What a sentence names beside the best of more than a few mechanisms is the baseline alone."""


def trained(table: pl.DataFrame, options: Options) -> Iterator[Content]:
    """Make a table of each group of trainings, the best mechanism of a length first."""
    costs = read(table).filter(command="train", stage="train", status="ok")
    found = list(groups(table, "train"))
    for group, title in zip(found, apart(found, heading, options), strict=True):
        yield content(group, title, costs)


def evaluated(table: pl.DataFrame, options: Options) -> Iterator[Content]:
    """Make a table of each group of evaluations."""
    found = list(groups(table, "evaluate"))
    for group, title in zip(found, apart(found, ranked_again, options), strict=True):
        yield content(group, title)


def apart(found: Sequence[pl.DataFrame], call: Callable[[Row], str], options: Options) -> list[str]:
    """Call each group by a name and the options of its setup; where these are the same, by what else differs."""
    firsts = [group.row(0, named=True) for group in found]
    called = [", ".join(filter(None, (call(row), options.get(row["setup"])))) for row in firsts]
    for column, words in APART.items():
        there: dict[str, set[Any]] = {}
        for name, row in zip(called, firsts, strict=True):
            there.setdefault(name, set()).add(row[column])
        called = [f"{name}, {words} {row[column]}" if len(there[name]) > 1 else name
                  for name, row in zip(called, firsts, strict=True)]  # fmt: skip
    return called


def content(group: pl.DataFrame, title: str, costs: pl.DataFrame | None = None) -> Content:
    """Make the table of a group: its quality, and its costs if they are given."""
    others = [name for name in distinct(group, "metric") if name != QUALITY["metric"]]
    titles = [metric_label(QUALITY | {"metric": name}) for name in others]
    found = []
    for line in parts(group, LINE):
        maxlen, name = line.select(LINE).row(0)
        value, spread = summed(line, QUALITY["metric"])
        rest = (summed(line, other)[0] for other in others)
        numbers = [written(value), written(spread), *map(written, rest)]
        cells = [str(maxlen), name, str(line["seed"].n_unique()), *numbers]
        found.append((maxlen, -(value or 0.0), cells + (spent(line, costs) if costs is not None else [])))
    dear = [title for title, _ in COSTS.values()] if costs is not None else []
    columns = [*LINE[:1], "attention", "seeds", HEADLINE, "±", *titles, *dear]
    first = group.row(0, named=True)
    return Content(title, columns, [cells for *_, cells in sorted(found)], caption(first), first)


def spent(line: pl.DataFrame, costs: pl.DataFrame) -> list[str]:
    """Write what the runs of a line cost."""
    mine = costs.filter(pl.col("run").is_in(line["run"].unique().to_list()))
    found = ((mine.filter(metric=metric)["value"].to_list(), factor) for metric, (_, factor) in COSTS.items())
    return [short(over_runs(values) * factor) if values else "–" for values, factor in found]


def sentences(table: pl.DataFrame, options: Options) -> Iterator[str]:
    """Say of each group of trainings how the mechanisms rank at the lengths that several of them have."""
    found = list(groups(table, "train"))
    for group, name in zip(found, apart(found, place, options), strict=True):
        ranked = group.filter(metric=QUALITY["metric"]).sort("maxlen", maintain_order=True)
        lengths = {
            same["maxlen"][0]: {one["mechanism"][0]: one["value"].to_list() for one in parts(same, ["mechanism"])}
            for same in parts(ranked, ["maxlen"])
        }
        several = {maxlen: lines for maxlen, lines in lengths.items() if len(lines) > 1}
        if several:
            yield f"{name}, maxlen {', '.join(map(str, several))}, {HEADLINE}: {ranking(list(several.values()))}."


def place(row: Mapping[str, Any]) -> str:
    """Write what was trained, on what."""
    size = [f"width {row['width']}", several(row["layers"], "layer")] if row["width"] and row["layers"] else []
    return ", ".join(filter(None, (row["dataset"], row["model"], *size, row["split"])))


def ranking(lengths: Sequence[Mapping[str, Sequence[float]]]) -> str:
    """Write mechanisms with their numbers over lengths, the best at the longest first; of many that and the baseline.

    Args:
        lengths: of each length, the shortest first, the values of a mechanism's seeds.
    """
    every = dict.fromkeys(name for found in lengths for name in found)
    numbers = {name: [over_seeds(found[name]) if name in found else None for found in lengths] for name in every}
    order = sorted(every, key=lambda name: [-(value or 0.0) for value in reversed(numbers[name])])
    chosen = order if len(order) <= FEW else dict.fromkeys((order[0], baselines(order)[0]))
    said = []
    for name in chosen:
        seeds = [len(found[name]) for found in lengths if name in found]
        said.append(f"{name} {', '.join(map(written, numbers[name]))} ({counted(min(seeds), max(seeds))})")
    apart = "; " if len(lengths) > 1 else ", "
    return apart.join(said) if len(order) <= FEW else f"{apart.join(said)}, of {several(len(order), 'mechanism')}"


def counted(least: int, most: int) -> str:
    """Write a number of seeds."""
    return f"{least}{f' to {most}' if most > least else ''} seed{'' if most == 1 else 's'}"


def groups(table: pl.DataFrame, command: str) -> Iterator[pl.DataFrame]:
    """Split a command's metrics of ranking into what may stand in one table; of what was repeated the latest."""
    test = (pl.col("stage") == "test") | (pl.lit(command) == "evaluate")
    rows = read(table).filter(test, command=command, k=QUALITY["k"], status="ok")
    yield from parts(latest(rows, [*GROUP, *LINE, "seed", "metric"]), GROUP)


def summed(line: pl.DataFrame, metric: str) -> tuple[float | None, float | None]:
    """Average a metric over seeds, with its standard deviation; of one seed, its standard error over users."""
    mine = line.filter(metric=metric)
    values = mine["value"].to_list()
    if len(values) > 1:
        return over_seeds(values), stdev(values)
    if not values:
        return None, None
    high = mine["high"][0]
    return values[0], None if high is None else high - values[0]


def written(value: float | None) -> str:
    """Write a quality, or that there is none."""
    return "–" if value is None else f"{value:.4f}"


def heading(row: Mapping[str, Any]) -> str:
    """Write what a table is of."""
    size = f"width {row['width']}, {several(row['layers'], 'layer')}, {several(row['heads'], 'head')}"
    return f"{row['dataset']}, {row['model']}: {size}; {row['device']}, threads {row['threads']}"


def ranked_again(row: Mapping[str, Any]) -> str:
    """Write what a table of evaluations is of."""
    return f"evaluation of {heading(row)}"


def caption(row: Mapping[str, Any]) -> str:
    """Write how the numbers of a table were made."""
    protocol = str(row["protocol"])
    known = protocol.partition(":")[0] in catalog.names("protocols")
    ranked = catalog.load("protocols", protocol.partition(":")[0]).TITLE if known else f"protocol {protocol}"
    seen = "seen items removed" if row["seen"] == "remove" else "seen items ranked"
    order = f", events ordered by {row['order']}" if row["order"] else ""
    return (
        f"{row['stage']} items, {row['split']}, {ranked}, {seen}{order}. ±: standard deviation of"
        f" {HEADLINE.partition('@')[0]} over seeds; of one seed, standard error over users."
    )
