"""`linrec evaluate`: rank the held-out items of finished runs, under a protocol of your choice."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog, machine
from linrec_cli.cli import console, options
from linrec_cli.cli.options import option
from linrec_cli.errors import DataError, UsageError
from linrec_cli.runs.find import find
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from torch import Tensor

    from linrec_cli.data.prepare import Prepared
    from linrec_cli.data.sequences import Sequences

HELP = """Evaluate finished runs; several stand side by side.

[bold]linrec evaluate RUN[/bold]
[bold]linrec evaluate results/runs/*-linear-200-* --k 1,5,10,20 --seen rank[/bold]
[bold]linrec evaluate RUN1 RUN2 --protocol uni100 --stage valid[/bold]

RUN is a folder, or the name of one in results/runs. Each user is encoded once, whatever the protocol, \
and the rank of each user is kept in ranks.parquet.
"""
HOW = "How to rank"
SEEN = {"remove": "seen items removed", "rank": "seen items ranked"}


def command(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, as folders or names.", show_default=False)],
    protocol: Annotated[
        str,
        option(HOW, "full, or 100 negatives drawn once for all models: uni100 uniformly, pop100 by popularity."),
    ] = "full",
    k: Annotated[str, option(HOW, "Cut-offs of the metrics.")] = "1,5,10,20",
    seen: Annotated[str, option(HOW, "remove or rank the items of the history.")] = "remove",
    stage: Annotated[str, option(HOW, "valid or test.")] = "test",
    negatives_seed: Annotated[int, option(HOW, "Seed of the negatives.")] = 0,
    device: Annotated[str, option("Running", "auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int, option("Running", "CPU threads.", show_default="physical cores")] = 0,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
) -> None:
    """Evaluate each run and show them side by side."""
    from linrec_cli.evaluation.protocols import PROTOCOLS

    for name, value, known in (
        ("protocol", protocol, PROTOCOLS),
        ("seen", seen, SEEN),
        ("stage", stage, ("valid", "test")),
    ):
        if value not in known:
            raise catalog.unknown(f"--{name}", value, known)
    ks = options.numbers("k", k)
    if min(ks) < 1:
        raise UsageError("--k takes numbers from 1 on.")
    where = machine.device(device)
    machine.prepare(threads or machine.cores())
    how = {"protocol": protocol, "seen": seen, "stage": stage, "ks": ks, "negatives_seed": negatives_seed}
    rows = []
    for one in dict.fromkeys(run):
        rows += evaluate(find(one, results_dir, trained=True), how, where, data_dir, results_dir)
    show(rows, how, as_json)


def evaluate(folder: Path, how: dict[str, Any], device: str, data_dir: Path, results_dir: Path) -> list[dict[str, Any]]:
    """Evaluate one run and write a run of the evaluation's own; return its rows."""
    import hashlib
    from dataclasses import replace

    import polars as pl
    import torch

    from linrec_cli.evaluation import metrics
    from linrec_cli.evaluation.ranks import ranks
    from linrec_cli.results import rows, schema, store
    from linrec_cli.training import checkpoint, fit

    stored = store.read_settings(folder / store.SETTINGS)
    if not stored.keys() >= Train.__dataclass_fields__.keys():
        raise UsageError(f"{folder} is no training run; name one that `linrec train` made.")
    settings = Train(**{name: stored[name] for name in Train.__dataclass_fields__})
    weights = checkpoint.read_weights(folder, device)
    sequences, prepared = open_data(stored, settings, data_dir)
    model = fit.build(settings, sequences.count).to(device)
    model.load_state_dict(weights)
    sequences = sequences.to(device)
    drawn = negatives(sequences, prepared, how)
    found = ranks(model, sequences, how["stage"], settings.maxlen, seen=how["seen"], negatives=drawn)
    frame = pl.DataFrame({"user": sequences.users.cpu().numpy(), "rank": found.cpu().numpy()})
    key = hashlib.sha256(repr((checkpoint.digest(weights), sorted(how.items()), device)).encode()).hexdigest()[:10]
    name = f"evaluate-{how['stage']}-{how['protocol']}-{how['seen']}-{key}"
    made = rows.quality(how["stage"], metrics.summary(frame, how["ks"]), how["protocol"], how["seen"])
    environment = machine.describe(device)
    settings = replace(settings, device=device, dtype="float32", threads=torch.get_num_threads())
    shared = rows.shared(settings, "evaluate", name, datetime.now(UTC), environment)
    table = schema.table(shared | {"note": f"weights of {folder.name}"}, made)
    target = store.folder(results_dir, name)
    store.write_frame(frame, target / "ranks.parquet")
    store.write_settings(stored | how | {"of": folder.name}, target / store.SETTINGS)
    store.write_frame(table, target / store.TABLE)
    console.say(f"{target}")
    return table.to_dicts()


def open_data(stored: dict[str, Any], settings: Train, data_dir: Path) -> tuple["Sequences", "Prepared"]:
    """Open the data a run was trained on.

    Raises:
        DataError: it is no longer the same.
    """
    from linrec_cli.runs import sweep

    source = {name: stored.get(name) for name in ("source", "user", "item", "time")}
    source["skip_bad"] = stored.get("skip_bad", False)
    sequences, prepared = sweep.open_data(source, settings, data_dir)
    if prepared.digest != settings.data_digest:
        raise DataError(
            f"{source['source']} is not what the run was trained on (digest {prepared.digest}, then "
            f"{settings.data_digest}); evaluate on that, or train again."
        )
    return sequences, prepared


def negatives(sequences: "Sequences", prepared: "Prepared", how: dict[str, Any]) -> "Tensor | None":
    """Read the stored negatives of the data set, protocol, stage and seed, or draw and store them."""
    import polars as pl
    import torch

    from linrec_cli.evaluation import protocols
    from linrec_cli.results import store

    if how["protocol"] == "full":
        return None
    folder = prepared.folder or Path()
    path = folder / f"negatives-{how['protocol']}-{how['stage']}-{how['negatives_seed']}.parquet"
    if not path.is_file():
        drawn = protocols.negatives(sequences, how["stage"], how["protocol"], how["negatives_seed"])
        kind = pl.Array(pl.UInt32, protocols.NEGATIVES)
        items = pl.Series("items", drawn.numpy().astype("uint32"), dtype=kind)
        store.write_frame(pl.DataFrame({"user": sequences.users.cpu().numpy(), "items": items}), path)
        console.say(f"negatives drawn once for all models: {path}")
    stored = pl.read_parquet(path)["items"].to_numpy().astype("int64")
    return torch.from_numpy(stored).to(sequences.flat.device)


def show(rows: list[dict[str, Any]], how: dict[str, Any], as_json: bool) -> None:
    """Show the runs side by side."""
    if as_json:
        console.document({"how": how, "rows": rows})
        return
    lines: dict[tuple[str, int], list[str]] = {}
    names = []
    for row in rows:
        own = (row["metric"], row["k"])
        names += [row["run"]] if row["run"] not in names else []
        lines.setdefault(own, []).append(f"{row['value']:.4f} ±{row['high'] - row['value']:.4f}")
    first = {row["run"]: row for row in reversed(rows)}
    heads = [f"{first[n]['attention']} {first[n]['maxlen']} s{first[n]['seed']}" for n in names]
    ranked = "among all items" if how["protocol"] == "full" else f"among 100 negatives ({how['protocol']})"
    console.table(
        f"{rows[0]['dataset']}, {how['stage']}",
        ["metric", *heads],
        [
            [f"{'NDCG' if m == 'ndcg' else m.upper() if m == 'mrr' else m.title()}@{k}", *v]
            for (m, k), v in lines.items()
        ],
        f"leave-one-out, ranked {ranked}, {SEEN[how['seen']]}, ties at their mean rank; ± is one standard error.",
    )
