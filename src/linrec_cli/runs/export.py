"""A trained run as a folder that is served without linrec: weights, items, a graph of scores, and what they are."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import __version__, catalog, disk
from linrec_cli.errors import UsageError
from linrec_cli.runs.data import DATASETS, Say
from linrec_cli.runs.recommend import Served, opened

if TYPE_CHECKING:
    import polars as pl

CARD, ITEMS = "card.json", "items.parquet"
FORMATS = ("torch", "onnx", "safetensors")
"""What the graph is written as; with the last there is none."""
FEED = (
    "items: the numbers of items.parquet, oldest first, the newest maxlen of a history at most, 0 after the last; "
    "lengths: how many of each row are items, 1 at least. Column j of scores is of the item numbered j + 1."
)
PADDED = "Any T costs as much as maxlen, to which the graph pads."


def export(
    run: Path, folder: Path, form: str = "torch", *, data_dir: Path = DATASETS, report: Say | None = None
) -> dict[str, Any]:
    """Write a finished training to a folder, in the place of an earlier export.

    Args:
        form: one of `FORMATS`.

    Returns:
        what the folder's card says.

    Raises:
        UsageError: the folder holds something else or is where you are, the format is not known, or the model has no
            such graph.
        DataError: the run is not finished, its data are gone, or the graph does not score as the run does.
    """
    from linrec_cli.runs.graph import ONNX, TORCH, check_packages
    from linrec_cli.training.checkpoint import WEIGHTS

    if form not in FORMATS:
        raise catalog.unknown("format", form, FORMATS)
    check_folder(folder, {CARD, ITEMS, WEIGHTS, TORCH, ONNX})
    if form == "onnx":
        check_packages()
    served = opened(run, data_dir=data_dir, report=report)
    # Where a link leads, and not in its place.
    with disk.whole_folder(folder.resolve()) as part:
        shutil.copyfile(run / WEIGHTS, part / WEIGHTS)
        numbered(served).write_parquet(part / ITEMS)
        graph = {} if form == "safetensors" else drawn(served, part / (ONNX if form == "onnx" else TORCH))
        card = described(served, run) | ({"graph": graph} if graph else {})
        (part / CARD).write_text(json.dumps(card, indent=2, default=str) + "\n", "utf-8")
    return card


def check_folder(folder: Path, own: set[str]) -> None:
    """Refuse to put anything away but an earlier export; `own` are the names of what stands in one.

    Raises:
        UsageError: the folder holds something else, or is the one that the process is in.
    """
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if (folder.exists() and not folder.is_dir()) or held - own or (held and CARD not in held):
        raise UsageError(f"{folder} holds something that is no export; name a folder that is empty or not there.")
    if folder.resolve() == Path.cwd():
        raise UsageError(f"{folder} is where you are; name a folder in it.")


def numbered(served: Served) -> "pl.DataFrame":
    """List the items: `number`, `item` (the raw id) and `title`."""
    return served.data.prepared.items.select("title", number="item", item="raw").select("number", "item", "title")


def drawn(served: Served, path: Path) -> dict[str, Any]:
    """Write the graph, and say what it takes and gives and how near to the run it scores."""
    from linrec_cli.runs.graph import difference, saved, traced

    model, maxlen = served.found.model.eval(), served.found.settings.maxlen
    program, padded = traced(model, maxlen)
    count, furthest = difference(saved(program, path), model, served.data.sequences, maxlen)
    return {
        "file": path.name,
        "inputs": {"items": {"shape": ["B", "T"], "dtype": "int64"}, "lengths": {"shape": ["B"], "dtype": "int64"}},
        "outputs": {"scores": {"shape": ["B", served.data.sequences.count], "dtype": "float32"}},
        "limits": f"B and T are free, 1 <= T <= {maxlen}.{f' {PADDED}' if padded else ''}",
        "feed": FEED,
        "checked_histories": count,
        "max_abs_difference": furthest,
    }


def described(served: Served, run: Path) -> dict[str, Any]:
    """Say what a run is: model, data, metrics, versions."""
    import torch

    from linrec_cli.training.checkpoint import digest

    found, data = served.found, served.data
    settings = {name: value for name, value in asdict(found.settings).items() if value is not None}
    named = ("model", "attn", "maxlen", "width", "layers", "heads")
    return {
        "run": run.resolve().name,
        **{name: settings[name] for name in named},
        "weights_digest": digest(found.model.state_dict()),
        "data": {"name": data.name, "digest": data.prepared.digest, "items": data.sequences.count},
        "items_of_the_history": "left out" if served.seen == "remove" else "ranked",
        "metrics": metrics(found.rows),
        "settings": settings,
        "linrec": __version__,
        "torch": torch.__version__,
    }


def metrics(rows: "pl.DataFrame") -> dict[str, dict[str, float]]:
    """Read the metrics of each stage, as `ndcg@10`."""
    found: dict[str, dict[str, float]] = {}
    for row in rows.filter(rows["k"].is_not_null()).to_dicts():
        found.setdefault(row["stage"], {})[f"{row['metric']}@{row['k']}"] = row["value"]
    return found
