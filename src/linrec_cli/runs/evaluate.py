"""Rank the held-out items of a trained run under a protocol, and write a run of the evaluation's own."""

import hashlib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog, processes
from linrec_cli.errors import DataError, UsageError
from linrec_cli.runs import events
from linrec_cli.runs.data import DATASETS, Dataset, Say, of_run, trained_on
from linrec_cli.runs.events import Watch, unheard
from linrec_cli.runs.result import Result, qualities, ranked, read
from linrec_cli.settings import AUTO, Evaluate, digest

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from linrec_cli.data.parts import Parts
    from linrec_cli.data.sequences import Sequences

OWN = ("protocol", "metrics", "k", "seen", "stage", "negatives_seed", "by")
"""Settings of an evaluation that stand beside those of the run it is of."""


def evaluate(
    run: Path | Result,
    data: Dataset | None = None,
    settings: Evaluate | None = None,
    results_dir: Path | None = None,
    *,
    data_dir: Path = DATASETS,
    watch: Watch = unheard,
    report: Say | None = None,
) -> Result:
    """Rank what a run has held out; of several processes each ranks some of it, and the first alone writes.

    Args:
        run: a folder, or what `train` gave.
        data: what it was trained on; of a folder it is found by its digest.
        results_dir: where a run of the evaluation's own is written; None writes nothing.
        data_dir: where data sets are kept.
        watch: hears of negatives that were drawn.
        report: is told in one line what is done to open the data.

    Raises:
        DataError: the run is not finished, or its data are no longer there.
    """
    from linrec_cli import machine

    settings = settings or Evaluate()
    settings = replace(settings, device=machine.device(settings.device))
    machine.prepare(settings.threads)
    if isinstance(run, Path):
        stored = trained(run)
        data = data or of_run(stored, run, data_dir, report)
        found, name = read(run, data, settings.device), run.resolve().name
    else:
        found, name, stored = run, str(run.rows["run"][0]), asdict(run.settings)
    if data is None:
        raise DataError("give the data that the run was trained on: without a folder nothing tells where they are.")
    made = measured(found, name, settings, data, watch)
    if results_dir and not processes.rank():
        write(made, dict(stored), settings, name, data, results_dir)
    return made


def trained(folder: Path) -> dict[str, Any]:
    """Read the settings of a training run.

    Raises:
        UsageError: it is a run of another command.
    """
    from linrec_cli.results import store
    from linrec_cli.runs import find

    stored = store.read_settings(folder / store.SETTINGS)
    if not find.trained(stored):
        raise UsageError(f"{folder} is no training run; name one that `linrec train` made.")
    return stored


def measured(found: Result, of: str, settings: Evaluate, data: Dataset, watch: Watch) -> Result:
    """Rank the targets of a stage and make the rows."""
    import torch

    from linrec_cli import machine
    from linrec_cli.evaluation.summary import of_lists, usual
    from linrec_cli.results import rows, schema

    trained_on(data, asdict(found.settings))
    trained, device = found.settings, settings.device
    parts, sequences = data.split(trained.split).to(device), data.sequences.to(device)
    if settings.seen == AUTO:
        settings = replace(settings, seen=data.as_trained(trained))
    wanted = list(settings.metrics) or usual()
    lists = [name for name in wanted if of_lists(name)]
    negatives = drawn(settings, trained.split, data, watch)
    if lists and negatives is not None:
        raise UsageError(f"{lists[0]} is of lists of all items, and --protocol {settings.protocol} ranks among a few.")
    if negatives is None and settings.negatives_seed:
        raise UsageError(f"--protocol {settings.protocol} draws no negatives; leave --negatives-seed out.")
    among = None if negatives is None else negatives.to(device)
    model = found.model.to(device)
    ranked_by = (settings.stage, trained.maxlen, settings.seen)
    ranks = ranked(model, sequences, parts, *ranked_by, negatives=among)
    items = sequences.count if negatives is None else negatives.shape[1] + 1
    # Of other negatives it is another protocol.
    own_seed = f":seed={settings.negatives_seed}" if negatives is not None and settings.negatives_seed else ""
    how: dict[str, Any] = {"split": trained.split, "protocol": settings.protocol + own_seed, "seen": settings.seen}
    told: dict[str, Any] = {"note": f"weights of {of}", "apart": settings.by == "repeat"}
    told["metrics"] = [name for name in wanted if name not in lists]
    if lists:
        told["listed"] = recommended(model, sequences, parts, *ranked_by, settings.k, lists)
    made = qualities(settings.stage, ranks, list(settings.k), items, **told, **how)
    made += unknown(sequences, parts, settings.stage, **how)
    own: dict[str, Any] = {"dtype": "float32", "threads": torch.get_num_threads(), "processes": processes.noted()}
    shared = rows.shared(trained, "evaluate", named(found, settings), datetime.now(UTC), machine.describe(device) | own)
    return Result(trained, schema.table(shared, made), ranks.drop("repeated"), found.history, model)


def recommended(
    model: Any, sequences: "Sequences", parts: "Parts", stage: str, maxlen: int, seen: str, ks: tuple[int, ...],
    metrics: list[str],
) -> "pl.DataFrame":  # fmt: skip
    """Take the first items for what comes before each target, and average metrics of such lists."""
    from linrec_cli.evaluation.summary import listed
    from linrec_cli.evaluation.top import top
    from linrec_cli.metrics._trained import count

    targets = parts.targets(stage)
    lists, _ = top(model, sequences, maxlen, max(ks), seen=seen, targets=targets)
    return listed(lists, targets.user, count(sequences, parts), ks, metrics)


def unknown(sequences: "Sequences", parts: "Parts", stage: str, **how: str) -> list[dict[str, Any]]:
    """Make the rows of what the targets of a stage have that nothing was trained on."""
    from linrec_cli.evaluation.cold import COLD, cold
    from linrec_cli.results import rows

    found = cold(sequences, parts, stage).items()
    told = {name: dict(zip(("unit", "note"), COLD[name], strict=True)) for name, _ in found}
    return [rows.of_targets(stage, name, value, **told[name], **how) for name, value in found]


def named(found: Result, settings: Evaluate) -> str:
    """Name an evaluation: how it ranks, then a digest of the weights, of how they were trained, and of the settings."""
    from linrec_cli.names import spec_filed
    from linrec_cli.training import checkpoint

    weights = checkpoint.digest(found.model.state_dict())
    key = hashlib.sha256(f"{weights} {digest(found.settings)} {digest(settings)}".encode()).hexdigest()[:10]
    return spec_filed(f"evaluate-{settings.stage}-{settings.protocol}-{settings.seen}-{key}")


def drawn(settings: Evaluate, split: str, data: Dataset, watch: Watch) -> "Tensor | None":
    """Read the negatives of a data set, split, protocol, stage and seed, or draw them and keep them beside it."""
    import polars as pl

    from linrec_cli.evaluation.summary import of_lists
    from linrec_cli.names import spec_filed
    from linrec_cli.results import store

    draw = catalog.bound("protocols", settings.protocol, "negatives")
    apart = ("" if split == "leave-one-out" else f"{split}-") + ("" if settings.seen == "remove" else "seen-")
    name = spec_filed(f"negatives-{apart}{settings.protocol}-{settings.stage}-{settings.negatives_seed}")
    path = data.prepared.folder / f"{name}.parquet" if data.prepared.folder else None
    parts, seen = data.split(split), settings.seen == "rank"
    users = data.sequences.users[parts.targets(settings.stage).user].numpy()
    if path and path.is_file() and (there := kept(path, users, data)) is not None:
        return there
    found: Tensor | None = draw(data.sequences, parts, settings.stage, settings.negatives_seed, seen)
    # With metrics of lists these negatives are refused.
    if path and not processes.rank() and found is not None and not any(map(of_lists, settings.metrics)):
        kind = pl.Array(pl.UInt32, found.shape[1])
        items = pl.Series("items", found.numpy().astype("uint32"), dtype=kind)
        store.write_frame(pl.DataFrame({"user": users, "items": items}), path, of=data.prepared.digest)
        watch(events.Drawn(path))
    return found


def kept(path: Path, users: Any, data: Dataset) -> "Tensor | None":
    """Read negatives that were drawn before; None where they are damaged or are not those of these users and data."""
    import polars as pl
    import torch

    from linrec_cli.results import store

    try:
        frame, of = store.read_frame(path), pl.read_parquet_metadata(path).get("of")
    except DataError:
        return None
    kind = frame.schema.get("items")
    if of not in (None, data.prepared.digest) or not isinstance(kind, pl.Array) or kind.inner != pl.UInt32:
        return None
    if "user" not in frame.columns or not frame["user"].equals(pl.Series(users)):
        return None
    found = torch.from_numpy(frame["items"].to_numpy().astype("int64"))
    return found if int(found.min()) >= 1 and int(found.max()) <= data.sequences.count else None


def write(found: Result, stored: dict[str, Any], settings: Evaluate, of: str, data: Dataset, results_dir: Path) -> None:
    """Write a run of the evaluation's own, the table last; in the place of one of the same settings."""
    from linrec_cli.results import store

    folder = store.folder(results_dir, str(found.rows["run"][0]))
    how = {name: value for name, value in asdict(settings).items() if name in OWN}
    store.write_frame(found.ranks, folder / store.RANKS)
    store.write_settings(stored | data.told(folder) | how | {"of": of}, folder / store.SETTINGS)
    store.write_frame(found.rows, folder / store.TABLE)
