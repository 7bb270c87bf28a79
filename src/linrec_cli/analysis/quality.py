"""What trainings and evaluations came to, a line a mechanism and length, over the seeds there are."""

from collections.abc import Iterator, Sequence
from statistics import mean, median, stdev
from typing import Any

import polars as pl

from linrec_cli.analysis.tables import mechanism

Row = dict[str, Any]
Content = tuple[str, Sequence[str], Sequence[Sequence[str]], str]
"""Title, columns, lines and caption of a table."""

GROUP = ("dataset", "data_digest", "model", "width", "layers", "heads", "setup", "protocol", "seen", "split", "stage")
COLUMNS = ("maxlen", "attention", "seeds", "NDCG@10", "±", "Recall@10", "MRR@10")
COSTS = {"seconds_per_epoch": ("s an epoch", 1.0), "peak_bytes": ("peak MiB", 2.0**-20)}
BASELINE, FEW = "softmax", 3
"""What a sentence names beside the best of more than a few mechanisms."""


def trained(table: pl.DataFrame) -> Iterator[Content]:
    """Make a table of each group of trainings, the best mechanism of a length first."""
    costs = table.filter(pl.col("command") == "train", pl.col("stage") == "train", pl.col("status") == "ok").to_dicts()
    for group in groups(table, "train"):
        found = []
        for (maxlen, name), rows in by_line(group).items():
            runs = {row["run"] for row in rows}
            mine = [[r["value"] for r in costs if r["run"] in runs and r["metric"] == metric] for metric in COSTS]
            scaled = [f"{median(v) * f:,.4g}" if v else "–" for v, (_, f) in zip(mine, COSTS.values(), strict=True)]
            found.append((maxlen, -value(rows, "ndcg")[0], [str(maxlen), name, *numbers(rows), *scaled]))
        columns = [*COLUMNS, *(title for title, _ in COSTS.values())]
        yield heading(group[0]), columns, [line for *_, line in sorted(found)], caption(group[0])


def evaluated(table: pl.DataFrame) -> Iterator[Content]:
    """Make a table of each group of evaluations."""
    for group in groups(table, "evaluate"):
        lines = [
            (key[0], -value(rows, "ndcg")[0], [str(key[0]), key[1], *numbers(rows)])
            for key, rows in by_line(group).items()
        ]
        yield heading(group[0]), COLUMNS, [line for *_, line in sorted(lines)], caption(group[0])


def sentences(table: pl.DataFrame) -> Iterator[str]:
    """Say of each group of trainings and length how the mechanisms rank."""
    for group in groups(table, "train"):
        lines = by_line(group)
        for maxlen in sorted({maxlen for maxlen, _ in lines}):
            mine = {name: rows for (length, name), rows in lines.items() if length == maxlen}
            if len(mine) > 1:
                found = {name: value(rows, "ndcg")[0] for name, rows in mine.items()}
                seeds = {name: len({row["seed"] for row in rows}) for name, rows in mine.items()}
                yield f"{group[0]['dataset']}, maxlen {maxlen}, NDCG@10: {ranking(found, seeds)}."


def ranking(found: dict[str, float], seeds: dict[str, int]) -> str:
    """Write mechanisms with their numbers, the best first; of many only that one and the baseline."""
    order = sorted(found, key=lambda name: -found[name])
    chosen = order if len(order) <= FEW else [name for name in order if name in (order[0], BASELINE)]
    written = ", ".join(f"{name} {found[name]:.4f} ({counted(seeds[name])})" for name in chosen)
    return written if len(order) <= FEW else f"{written}, of {len(order)} mechanisms"


def counted(seeds: int) -> str:
    """Write a number of seeds."""
    return f"{seeds} seed{'' if seeds == 1 else 's'}"


def groups(table: pl.DataFrame, command: str) -> Iterator[list[Row]]:
    """Split a command's ranking metrics at 10 into what may stand in one table; of what was repeated the latest."""
    test = (pl.col("stage") == "test") | (pl.lit(command) == "evaluate")
    rows = table.filter(pl.col("command") == command, test, pl.col("k") == 10, pl.col("status") == "ok").sort("created")
    same = [*GROUP, "attention", "options", "maxlen", "seed", "metric"]
    rows = rows.unique(same, keep="last", maintain_order=True)
    for part in rows.partition_by(GROUP, maintain_order=True):
        yield part.to_dicts()


def by_line(rows: Sequence[Row]) -> dict[tuple[int, str], list[Row]]:
    """Split rows by length and mechanism."""
    found: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["maxlen"], mechanism(row)), []).append(row)
    return found


def value(rows: Sequence[Row], metric: str) -> tuple[float, float | None]:
    """Average a metric over seeds, with its standard deviation; of one seed, its standard error over users."""
    mine = [row for row in rows if row["metric"] == metric]
    values = [row["value"] for row in mine]
    if len(values) > 1:
        return mean(values), stdev(values)
    return values[0], None if mine[0]["high"] is None else mine[0]["high"] - values[0]


def numbers(rows: Sequence[Row]) -> list[str]:
    """Write a line's numbers, from the count of seeds on."""
    ndcg, spread = value(rows, "ndcg")
    rest = (f"{value(rows, metric)[0]:.4f}" for metric in ("recall", "mrr"))
    return [
        str(len({row["seed"] for row in rows})),
        f"{ndcg:.4f}",
        f"{spread:.4f}" if spread is not None else "–",
        *rest,
    ]


def heading(row: Row) -> str:
    """Write what a table is of."""
    size = f"width {row['width']}, {row['layers']} layers, {row['heads']} heads"
    return (
        f"{row['dataset']}, {row['model']}: {size}; {row['device']}, threads {row['threads']}, settings {row['setup']}"
    )


def caption(row: Row) -> str:
    """Write how the numbers of a table were made."""
    ranked = "full ranking" if row["protocol"] == "full" else f"100 negatives ({row['protocol']})"
    seen = "seen items removed" if row["seen"] == "remove" else "seen items ranked"
    return (
        f"{row['stage']} items, {row['split']}, {ranked}, {seen}. ±: standard deviation of NDCG over seeds;"
        " of one seed, standard error over users."
    )
