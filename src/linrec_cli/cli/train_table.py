"""The table of a sweep: a line a cell, then the means over seeds."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import stdev
from typing import TYPE_CHECKING, Any

from linrec_cli.cli import console
from linrec_cli.settings import OWN, Train

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
QUALITY = ("recall", "ndcg", "mrr")
K = 10
NONE = "–"
WARNINGS = {
    "processes": "several processes trained together: times are theirs, memory is that of the first",
    "contended": "others used the cores meanwhile: times are too long",
    "time_aware": "time-aware models are told when their target was, and are no match for others",
}
"""What is said of rows that have something in one of these columns."""
SEEN = {"remove": "removed", "rank": "ranked", "auto": "removed"}


def show(cells: Sequence[Train], tables: Sequence["pl.DataFrame"], results_dir: Path, as_json: bool) -> None:
    """Show the cells side by side and say where their files are."""
    from linrec_cli.analysis.labels import metric_label
    from linrec_cli.runs.axes import varying

    rows = [table.to_dicts() for table in tables]
    if as_json:
        document = {"settings": [asdict(cell) for cell in cells], "rows": [row for one in rows for row in one]}
        console.document(document)
        return
    names = varying(cells)
    recall, ndcg, mrr = (metric_label({"metric": metric, "k": K}) for metric in QUALITY)
    lines = [[*where(cell, names), *told(own)] for cell, own in zip(cells, rows, strict=True)]
    console.table(
        title(cells, names),
        [*map(headed, names), recall, ndcg, "±", mrr, "epoch", "MiB"],
        lines + means(cells, rows, names),
        " ".join([caption(cells[0], names), *warned(rows)]),
    )
    for own in rows:
        console.say(f"{results_dir / 'runs' / own[0]['run']}")


def title(cells: Sequence[Train], names: Sequence[str]) -> str:
    """Say what all cells are of."""
    shared = {name: getattr(cells[0], name) for name in ("model", *OWN) if len({getattr(c, name) for c in cells}) == 1}
    told = [f"{name} {value}" if name in OWN[1:] else value for name, value in shared.items() if name not in names]
    return ", ".join([cells[0].data, *filter(None, told), "test of the best validation epoch"])


def headed(name: str) -> str:
    """Head the column of a setting."""
    return {"attn": "attention"}.get(name, name.replace("_", " "))


def caption(cell: Train, names: Sequence[str]) -> str:
    """Say how the numbers were made."""
    split = "" if "split" in names else f"{cell.split}, "
    order = f" Events ordered by {cell.order}." if cell.order else ""
    return (
        f"{split}full ranking, seen items {SEEN[cell.seen_items]}, ties at their mean rank; ±: one standard error of"
        " NDCG over users, or, of a mean, its standard deviation over seeds."
        f" At least {cell.min_user} events a user, {cell.min_item} an item.{order} {cell.device}, {cell.dtype},"
        f" threads {cell.threads}. MiB: peak memory of training above what stood before the model."
    )


def warned(rows: Sequence[Sequence[Row]]) -> list[str]:
    """List what the rows of tested numbers warn of, and what makes them no match for others."""
    tested = [row for own in rows for row in own if row["k"] is not None]
    stages = {row["note"]: {one["stage"] for one in tested if one["note"] == row["note"]} for row in tested}
    every = {row["stage"] for row in tested}
    # What is not said of all items names those that it is said of.
    notes = [note if not note or of == every else f"{note} ({', '.join(sorted(of))})" for note, of in stages.items()]
    for column, warning in WARNINGS.items():
        if any(row[column] for own in rows for row in own):
            notes.append(warning)
    return [f"{note[:1].upper()}{note[1:]}." for note in dict.fromkeys(filter(None, notes))]


def where(cell: Train, names: Sequence[str]) -> list[object]:
    """Write which cell it is; a model that takes no mechanism has none."""
    values = [getattr(cell, name) for name in names]
    return [NONE if value == "" else value for value in values]


def told(rows: Sequence[Row]) -> list[object]:
    """Write the numbers of a cell; of one that failed, that it did."""
    test = tested(rows)
    if not test:
        return [NONE, rows[0]["status"], *NONE * 4]
    recall, ndcg, mrr = (test[name]["value"] for name in QUALITY)
    cost = {row["metric"]: row["value"] for row in rows if row["stage"] == "train"}
    seconds, peak = cost.get("seconds_per_epoch"), cost.get("peak_bytes")
    costs = [NONE if seconds is None else console.duration(seconds), NONE if peak is None else f"{peak / 2**20:.0f}"]
    high = test["ndcg"]["high"]
    error = NONE if high is None else f"{high - ndcg:.4f}"
    return [f"{recall:.4f}", f"{ndcg:.4f}", error, f"{mrr:.4f}", *costs]


def tested(rows: Sequence[Row]) -> dict[str, Row]:
    """Find a cell's metrics of the test items."""
    return {row["metric"]: row for row in rows if row["stage"] == "test" and row["k"] == K}


def means(cells: Sequence[Train], rows: Sequence[Sequence[Row]], names: Sequence[str]) -> list[list[object]]:
    """Average over the seeds of what is otherwise the same, where there are several; ± is their standard deviation."""
    from linrec_cli.analysis.reading import over_seeds

    groups: dict[Train, list[dict[str, Row]]] = {}
    for cell, own in zip(cells, rows, strict=True):
        groups.setdefault(replace(cell, seed=0), []).append(tested(own))
    lines: list[list[object]] = []
    for cell, found in groups.items():
        ran = [test for test in found if test]
        if len(ran) > 1:
            recall, ndcg, mrr = ([test[metric]["value"] for test in ran] for metric in QUALITY)
            numbers = (over_seeds(recall), over_seeds(ndcg), stdev(ndcg), over_seeds(mrr))
            lines.append([*where(cell, names)[:-1], "mean", *(f"{number:.4f}" for number in numbers), "", ""])
    return lines
