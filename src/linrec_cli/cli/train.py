"""`linrec train`: one run, or a sweep over all that several values are given of."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog, processes
from linrec_cli.cli import options
from linrec_cli.cli.options import option
from linrec_cli.declared import check_names
from linrec_cli.errors import FaultError, NothingMeasuredError, UsageError
from linrec_cli.names import several
from linrec_cli.settings import RUNNING, Reading, Train

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.runs.data import Dataset
    from linrec_cli.runs.events import Watch

HELP = """Train models: early stopping on validation NDCG@10, then a test of the best epoch.

[bold]linrec train --attn linear --maxlen 200[/bold]
[bold]linrec train --attn softmax,linear --maxlen 50,100,200 --seed 0,1,2[/bold]
[bold]linrec train --attn softmax,linear --width 64,128 --lr 1e-3,3e-3[/bold]
[bold]linrec train --data my.csv --attn linear --max-minutes 30[/bold]
[bold]linrec train --preset linrec-released --dry-run[/bold]

Several values, as <int,...> has, make a sweep: each cell is a run in a process of its own, and one that fails \
is a row. The same command again goes on with what was interrupted and skips what is done.

Each option can stand in linrec.toml under \\[train], or in the environment as LINREC_TRAIN_WIDTH.
"""


@options.of(Train, Reading)
def command(
    ctx: typer.Context,
    *,
    preset: options.Preset = "",
    resume: Annotated[bool, option(RUNNING, "Say what is taken up, or that nothing is.", "--resume")] = False,
    fresh: Annotated[bool, option(RUNNING, "Discard what is there.", "--fresh", "--force")] = False,
    fit: Annotated[bool, option(RUNNING, "Where memory runs out, try once with half of --tokens.", "--fit")] = False,
    dry_run: Annotated[
        bool, option(RUNNING, "Show cells, settings and an estimate; train nothing.", "--dry-run")
    ] = False,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
    **given: Any,
) -> None:
    """Lay out the cells, train those that are not done, show them all."""
    asked = laid_out(given, whole=dry_run)
    together(asked, dry_run, fit, resume and fresh)

    from linrec_cli.cli import console, train_table
    from linrec_cli.cli import dry_run as trial
    from linrec_cli.cli.train_progress import Progress
    from linrec_cli.runs.data import prepare
    from linrec_cli.runs.train import follow

    kept = {name: given[name] for name in ("min_user", "min_item")} | options.given(Reading, given)
    data = prepare(given["data"], data_dir=data_dir, report=console.say, **kept)
    sure = decided(asked, data)
    if dry_run:
        trial.show(sure, data, ctx, as_json)
        return
    with processes.joined(sure[0].device, led=True), Progress(resume) as watch:
        if processes.rank():
            follow(sure[0], data)
            return
        sure, tables = swept(sure, data, results_dir, watch, fresh, fit)
    train_table.show(sure, tables, results_dir, as_json)
    if not all((table["status"] == "ok").any() for table in tables):
        raise NothingMeasuredError("a cell failed; its row says why.")


def swept(
    cells: list[Train], data: "Dataset", results_dir: Path, watch: "Watch", fresh: bool, fit: bool
) -> tuple[list[Train], list["pl.DataFrame"]]:
    """Train the cells, and with `fit` those again whose memory ran out; give them as they stand, and their tables."""
    from linrec_cli.runs.halved import again
    from linrec_cli.runs.sweep import sweep

    # What preparing left in the memory of this process, and is given back while it trains, would hide a peak.
    anew = data.prepared.anew and processes.count() == 1
    tables = list(sweep(cells, data, results_dir, watch=watch, fresh=fresh, guarded=fit or anew))
    if not fit:
        return cells, tables
    return again(cells, tables, lambda less: sweep(less, data, results_dir, watch=watch, guarded=True), watch)


def together(asked: Sequence[Train], dry_run: bool, fit: bool, both: bool) -> None:
    """Refuse what several processes cannot do together, and to take `both` up and begin anew.

    Raises:
        UsageError: it was asked for.
    """
    if both:
        raise UsageError("--resume takes up what --fresh discards; give one of them.")
    if processes.count() == 1:
        return
    if dry_run:
        raise UsageError("--dry-run estimates what one process takes; leave torchrun out.")
    if fit:
        raise UsageError("--fit starts a process for each cell; leave it out, or torchrun.")
    if len(asked) > 1:
        raise UsageError(f"torchrun trains one cell, not {len(asked)}; start it once for each, or leave it out.")


def laid_out(given: dict[str, Any], whole: bool = False) -> list[Train]:
    """Lay out the cells that the options ask for, and check each, so that a typo costs nothing.

    Args:
        whole: no cell may be at fault; otherwise, where others are not, its row will say so.

    Raises:
        UsageError: a setting is out of its limits, a name is unknown, or what is named does not fit together.
        FaultError: the file of a mechanism, a loss or a model does not what it should.
    """
    from linrec_cli.runs.axes import axes, cells
    from linrec_cli.training import promises

    own = options.given(Train, given)
    lists = {name: own.pop(name) for name in axes()}
    found, faults = cells(options.here(own), lists), list[FaultError]()
    for cell in found:
        check_names(cell)
        try:
            promises.check(cell)
        except FaultError as error:
            faults.append(error)
    if len(faults) == len(found) or (faults and whole):
        raise faults[0]
    return found


def decided(asked: Sequence[Train], data: "Dataset") -> list[Train]:
    """Put in what the data decide, check that each cell fits them, and say which lengths do not.

    Raises:
        LinrecError: a cell cannot be trained on them.
    """
    from linrec_cli.cli import console
    from linrec_cli.cli.preprocess import doubled
    from linrec_cli.runs.train import settled

    sure = [settled(cell, data) for cell in asked]
    fitting(sure, data)
    for text in filter(None, (beyond(sure, data), doubled(data.prepared.card))):
        console.say(text)
    return sure


def beyond(asked: Sequence[Train], data: "Dataset") -> str:
    """Say that some lengths are more than any history has; empty where none is."""
    longest = int(data.sequences.offsets.diff().max())
    over = [f"{maxlen:,}" for maxlen in sorted({cell.maxlen for cell in asked}) if maxlen > longest]
    most = several(longest, "event")
    return f"no history has more than {most}: at maxlen {', '.join(over)} no more is read." if over else ""


def fitting(asked: Sequence[Train], data: "Dataset") -> None:
    """Split the data in each way that is asked for, and have each model read them: what cannot be is known at once.

    Raises:
        LinrecError: a split cannot be, or leaves nothing to train on; a model cannot read the data.
    """
    from linrec_cli.training import enough

    forms: dict[str, set[str | None]] = {}
    for cell in asked:
        forms.setdefault(cell.split, set()).add(catalog.load("models", catalog.parse(cell.model)[0]).FORM)
    for split, found in forms.items():
        enough.check(data.sequences, data.split(split), counted=found == {None})
    # Of what is at fault in some cells their rows will tell.
    for cell in {cell.model: cell for cell in asked}.values():
        with suppress(FaultError) if len(asked) > 1 else nullcontext():
            readable(cell, data)


def readable(cell: Train, data: "Dataset") -> None:
    """Build a model for a single item, and have it read that once.

    Raises:
        LinrecError: it cannot, or needs what the data have not.
    """
    import torch

    from linrec_cli.data.batch import Batch
    from linrec_cli.models._recommender import Facts
    from linrec_cli.training import fit

    once = torch.ones(1, 1, dtype=torch.int64)
    times = None if data.sequences.times is None else once
    with catalog.blamed("models", cell.model, "cannot read a history"):
        model = fit.build(cell, Facts(1, data.sequences.features or {}))
        if cell.objective:
            with torch.inference_mode():
                model.eval().query(Batch(once, once[0], times=times, target_times=times))
