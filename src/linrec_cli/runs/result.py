"""What a training run gave: its best epoch tested, in whole rows, written to its folder and read back."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import processes
from linrec_cli.errors import DataError
from linrec_cli.names import several
from linrec_cli.runs.data import Dataset
from linrec_cli.settings import FEW_ITEMS, FEW_USERS, Train, from_stored, options
from linrec_cli.usage import Usage

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.data.parts import Parts
    from linrec_cli.data.sequences import Sequences
    from linrec_cli.training.state import Epoch, State

KS = [1, 5, 10, 20]
HISTORY = "history.parquet"


@dataclass(frozen=True)
class Result:
    """What a run gave.

    Attributes:
        rows: its table.
        ranks: a target a row: `stage`, `user`, `rank`; empty where a folder has none.
        history: an epoch a row; empty where a folder has none.
        model: of the best epoch.
    """

    settings: Train
    rows: "pl.DataFrame"
    ranks: "pl.DataFrame"
    history: "pl.DataFrame"
    model: Any


def tested(
    settings: Train, state: "State", sequences: "Sequences", parts: "Parts", name: str, peaks: list[dict[str, Any]]
) -> Result:
    """Test the best epoch and make the rows; those of its peaks are there."""
    import polars as pl
    import torch

    from linrec_cli import machine
    from linrec_cli.results import rows, schema

    # The kernel is read from a step of training, which moves the weights: the best ones come after.
    ran = kernel(settings, state, sequences, parts)
    state.model.load_state_dict(state.best)
    how = (settings.maxlen, settings.seen_items)
    frame = pl.concat([ranked(state.model, sequences, parts, stage, *how) for stage in ("valid", "test")])
    made = costs(state, torch.get_num_threads())
    for stage in ("test", "valid"):
        told: dict[str, Any] = {"split": settings.split, "seen": settings.seen_items}
        made += qualities(stage, frame.filter(stage=stage), KS, sequences.count, **told)
    own = {"kernel": ran, "threads": torch.get_num_threads(), "processes": processes.noted()}
    environment = machine.describe(settings.device) | own
    shared = rows.shared(settings, "train", name, datetime.now(UTC), environment)
    table = schema.table(shared, [*made, *peaks])
    return Result(settings, table, frame.drop("repeated"), history(state), state.model)


def ranked(
    model: Any, sequences: "Sequences", parts: "Parts", stage: str, maxlen: int, seen: str, **how: Any
) -> "pl.DataFrame":
    """Rank the targets of a stage: `stage`, `user`, `rank`, and whether the user had the item before, `repeated`."""
    import polars as pl

    from linrec_cli.evaluation.ranks import by_target, ranks
    from linrec_cli.evaluation.repeats import repeated

    targets = parts.targets(stage)
    found = by_target(sequences, targets, ranks(model, sequences, targets, maxlen, seen=seen, **how))
    again = pl.Series("repeated", repeated(sequences, targets).cpu().numpy())
    return found.select(pl.lit(stage).alias("stage"), "user", "rank", again)


def qualities(
    stage: str, ranks: "pl.DataFrame", ks: list[int], items: int, *, metrics: list[str] | None = None,
    listed: "pl.DataFrame | None" = None, apart: bool = False, note: str = "", **how: str,
) -> list[dict[str, Any]]:  # fmt: skip
    """Average the metrics of a stage over users, and say how many golds repeat.

    Args:
        items: how many there are to rank among.
        metrics: of ranks, by name; None: those of every table.
        listed: metrics of lists, averaged already.
        apart: whether to average over new and over repeated golds by themselves, too.
        note: what every row says beside what is to be said of few items and users.
    """
    import polars as pl

    from linrec_cli.evaluation.summary import summary
    from linrec_cli.results import rows

    again = ranks["repeated"]
    note = "; ".join(filter(None, (note, few(ranks["user"].n_unique(), items))))
    found = summary(ranks, ks, metrics)
    made = rows.quality(stage, found if listed is None else pl.concat([found, listed]), note=note, **how)
    for golds, mask in (("new", ~again), ("repeated", again)):
        if apart and mask.any():
            made += rows.quality(stage, summary(ranks.filter(mask), ks, metrics), golds=golds, note=note, **how)
    share = again.mean() if len(again) else None
    return [*made, rows.of_targets(stage, "repeat_share", share, **how)] if isinstance(share, float) else made


def few(users: int, items: int) -> str:
    """Warn where a number says little: hardly any item to rank among, or hardly any user to average over."""
    among = f"{several(items, 'item')} to rank among" if items < FEW_ITEMS else ""
    said = " and ".join(filter(None, (among, several(users, "user") if users < FEW_USERS else "")))
    return f"hardly anything to tell by: {said}" if said else ""


def history(state: "State") -> "pl.DataFrame":
    """Lay out the epochs, a row each, counted from 1."""
    import polars as pl

    kinds = {"resumed_at": pl.List(pl.Int64), "processes": pl.List(pl.Int64)}
    frame = pl.DataFrame([asdict(epoch) for epoch in state.history], schema_overrides=kinds)
    return frame.with_columns(pl.col("epoch") + 1)


def costs(state: "State", threads: int) -> list[dict[str, Any]]:
    """Make the rows of what the run took."""
    from linrec_cli.results import rows
    from linrec_cli.training.estimate import parameters

    beside = {"contended": contended(state.history, state.settings, threads)}
    # An older linrec knew one process alone, and did not say so.
    alike = [e for e in state.history if (e.processes or [1]) == [processes.count()]] or state.history
    mixed = f"; {len(alike)} of {len(state.history)} epochs, by as many processes" if alike != state.history else ""
    return [
        rows.cost("seconds_per_epoch", (e.seconds for e in alike), note=f"training alone{mixed}") | beside,
        rows.cost("validation_seconds", (e.validation_seconds for e in alike), note=f"an epoch's{mixed}") | beside,
        rows.fact("seconds", state.at.spent, "s", "training and validation of all epochs") | beside,
        rows.fact("epochs", len(state.history)),
        rows.fact("best_epoch", state.best_epoch().epoch + 1),
        rows.fact("parameters", parameters(state.model)),
        rows.fact("targets_per_epoch", state.history[0].targets),
    ]


def contended(epochs: "Sequence[Epoch]", settings: Train, threads: int | None = None) -> bool | None:
    """Tell whether others used the cores meanwhile; None where that was not seen from the beginning."""
    used = reduce(Usage.plus, (Usage(epoch.seconds, epoch.cpu_seconds, epoch.aside) for epoch in epochs))
    return None if math.isnan(used.cpu) else used.contended(threads or settings.threads, settings.device != "cpu")


def kernel(settings: Train, state: "State", sequences: "Sequences", parts: "Parts") -> str:
    """Name the kernel that a training step runs, by one more of them; empty of a model that takes no steps."""
    from linrec_cli.profiling import kernel
    from linrec_cli.training import fit
    from linrec_cli.training.batches import plan

    if state.optimizer is None:
        return ""
    own = (settings.objective, settings.maxlen, settings.tokens, settings.seed)
    batch = next(plan(sequences, parts, *own, 0).batches(sequences))
    state.model.train()
    return kernel.name({"step": lambda: fit.step(state, batch)})


def write(found: Result, folder: Path) -> None:
    """Write weights, ranks, history and, last of all, the table."""
    from linrec_cli.results import store
    from linrec_cli.training import checkpoint

    checkpoint.write(found.model.state_dict(), folder / checkpoint.WEIGHTS)
    store.write_frame(found.ranks, folder / store.RANKS)
    store.write_frame(found.history, folder / HISTORY)
    store.write_frame(found.rows, folder / store.TABLE)


def read(folder: Path, data: Dataset, device: str = "") -> Result:
    """Read what a finished training left, and build its model.

    Args:
        data: what it was trained on.
        device: of the model; the training's, where none is given.

    Raises:
        DataError: something is missing or damaged, or is of another run.
    """
    import polars as pl

    from linrec_cli.results import store
    from linrec_cli.training import checkpoint

    settings = from_stored(Train, store.read_settings(folder / store.SETTINGS))
    weights = checkpoint.read_weights(folder, device or settings.device)
    rows = store.read_table(folder / store.TABLE)
    if other := differing(settings, rows):
        path = folder / store.SETTINGS
        raise DataError(f"{path} is not what {store.TABLE} was made with ({other}); put it back or train with --fresh.")
    try:
        model = built(settings, data, weights).to(device or settings.device)
    except RuntimeError as error:
        path, why = folder / checkpoint.WEIGHTS, " ".join(str(error).split())
        raise DataError(f"{path} does not fit the settings ({why}); train the run again with --fresh.") from None
    # Neither is needed to rank by the model.
    there = ((folder / store.RANKS, store.read_ranks), (folder / HISTORY, store.read_frame))
    ranks, epochs = (load(path) if path.is_file() else pl.DataFrame() for path, load in there)
    return Result(settings, rows, ranks, epochs, model)


def differing(settings: Train, rows: "pl.DataFrame") -> str:
    """Name the settings that the rows of a training say otherwise, but for what an older linrec did not write."""
    from linrec_cli.results.rows import SETTINGS

    own = {name: getattr(settings, name) for name in SETTINGS}
    own |= dict(zip(("attention", "options"), options(settings.attn), strict=True))
    said = [(name, row[name], value) for row in rows.head(1).to_dicts() for name, value in own.items()]
    return ", ".join(f"{name} {value}, there {there}" for name, there, value in said if there not in (None, value))


def built(settings: Train, data: Dataset, weights: Any) -> Any:
    """Build the model of a training from its weights, on the CPU."""
    from linrec_cli.models._recommender import facts
    from linrec_cli.training import fit

    model = fit.build(settings, facts(data.sequences))
    model.load_state_dict(weights)
    return model
