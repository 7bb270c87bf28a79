"""What a training will cost before it is begun: curves measured on this machine, laid over the lengths of the data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog, machine
from linrec_cli.declared import flag
from linrec_cli.errors import NothingMeasuredError, UsageError
from linrec_cli.phases._phase import phase
from linrec_cli.settings import Profile, Train, form, options

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.analysis.advice import Cost, Shapes
    from linrec_cli.runs.data import Dataset

SHORTEST = 8
"""Positions below which no length is measured: what a batch costs hardly depends on them there."""
LEAST, MOST = 50, 1600
Rows = list[dict[str, Any]]
Measure = Callable[[Profile], Rows]
"""Profiles, and gives the rows."""


def lengths(data: "Dataset") -> list[int]:
    """Choose lengths for some data: 50 and its doubles, up to one that holds the longest history."""
    longest, found = int(data.sequences.offsets.diff().max()), [LEAST]
    while found[-1] < min(longest, MOST):
        found.append(2 * found[-1])
    return found


def alike(cells: Sequence[Train]) -> None:
    """Check that cells differ in mechanism and length alone, and that there is something to measure of their model.

    Raises:
        UsageError: they do not, or there is not.
    """
    from linrec_cli.runs.axes import axes

    for name in axes():
        if name not in ("attn", "maxlen") and len({getattr(cell, name) for cell in cells}) > 1:
            raise UsageError(f"advice is for one {flag(name)} at a time; give one.")
    name = catalog.parse(cells[0].model)[0]
    if catalog.load("models", name).FORM is None:
        raise UsageError(f"model {name} is counted, not trained: there is no step to measure; choose another.")


def advise(cells: Sequence[Train], data: "Dataset", results_dir: Path, measure: Measure, budget: float) -> "list[Cost]":
    """Estimate what each cell costs an epoch and an evaluation.

    Args:
        cells: settled, alike in all but mechanism and length.
        results_dir: where curves that were measured here stand; what lacks is measured.
        budget: seconds a measurement.

    Raises:
        UsageError: they are trained in a way that a profile does not measure.
        NothingMeasuredError: a curve could not be measured.
    """
    from linrec_cli.analysis.advice import Cost, curves
    from linrec_cli.evaluation.ranks import TOKENS

    asked = profiles(cells, data, budget)
    wanted = {"step": asked, "evaluate": replace(asked, phase=("evaluate",), tokens=TOKENS[asked.device])}
    found = {phase: curves(measured(one, results_dir, measure), phase) for phase, one in wanted.items()}
    made = []
    for cell in cells:
        # What takes no mechanism goes by its model.
        name = cell.attn or cell.model
        for what, by in found.items():
            if name not in by or not by[name].seconds:
                raise NothingMeasuredError(f"{name} gave no number in {what}; `linrec profile` says why.")
        step, rank, (trained, ranked) = found["step"][name], found["evaluate"][name], shapes(cell, data)
        busy = step.contended or rank.contended
        made.append(Cost(cell.attn, cell.maxlen, step.time(trained), rank.time(ranked), step.peak(trained), busy))
    return made


def profiles(cells: Sequence[Train], data: "Dataset", budget: float) -> Profile:
    """Make the profile whose steps are those of the cells, over all lengths that their batches have.

    Raises:
        UsageError: a profile does not measure what they are trained by.
    """
    first, usual = cells[0], Profile()
    longest = int(data.sequences.offsets.diff().max())
    for name, value in {"loss": "cross-entropy", "objective": usual_objective(first)}.items():
        if getattr(first, name) != value:
            was = getattr(first, name)
            raise UsageError(f"profiles measure --{name} {value} alone; give that in place of --{name} {was}.")
    halves = {
        length
        for cell in cells
        for times in range(cell.maxlen.bit_length())
        if (length := cell.maxlen >> times) >= min(SHORTEST, cell.maxlen) and length // 2 < longest
    }
    return Profile(
        attn=tuple(dict.fromkeys(cell.attn or usual.attn[0] for cell in cells)),
        maxlen=tuple(sorted(halves)),
        phase=("step",), tokens=first.tokens, width=(first.width,), heads=(first.heads,), model=(first.model,),
        layers=first.layers, items=data.sequences.count, budget=budget, device=first.device, dtype=(first.dtype,),
        threads=first.threads,
    )  # fmt: skip


def usual_objective(cell: Train) -> str:
    """Name what a cell's model is trained by where nothing else is asked for."""
    from linrec_cli.settings import resolved

    return resolved(replace(cell, objective="auto")).objective


def shapes(cell: Train, data: "Dataset") -> "tuple[Shapes, Shapes]":
    """Give the shapes of the batches of an epoch, and of those that its validation ranks."""
    from linrec_cli.data.sequences import histories
    from linrec_cli.data.shapes import cut, rounded
    from linrec_cli.evaluation.ranks import TOKENS
    from linrec_cli.training.batches import plan

    parts = data.split(cell.split)
    laid = plan(data.sequences, parts, cell.objective, cell.maxlen, cell.tokens, cell.seed, 0)
    _, length, _ = histories(data.sequences, parts.valid, cell.maxlen)
    ranked = cut(length.argsort(descending=True, stable=True), length, TOKENS[cell.device])

    def shaped(length: Any, rows: Any) -> Iterator[tuple[int, int]]:
        return ((min(rounded(int(length[one].max())), cell.maxlen), len(one)) for one in rows)

    return list(shaped(laid.length, laid.rows)), list(shaped(length, ranked))


def measured(asked: Profile, results_dir: Path, measure: Measure) -> "pl.DataFrame":
    """Give the rows of a profile: those that stand from before, and those that are measured now."""
    import polars as pl

    from linrec_cli.results import schema

    there = standing(asked, results_dir)
    # Of a profile that was cut short the memory may stand without the time.
    timed = there.filter(metric="seconds").select("attention", "options", "maxlen")
    stand, takes = set(timed.iter_rows()), form(asked.model[0])
    keys = {(attn, length): (*options(attn if takes else ""), length) for attn in asked.attn for length in asked.maxlen}
    lacking = [one for one, key in keys.items() if key not in stand]
    if not lacking:
        return there
    # Together, so that they take turns.
    attns, lengths = (tuple(dict.fromkeys(some)) for some in zip(*lacking, strict=True))
    made = schema.table({}, measure(replace(asked, attn=attns, maxlen=tuple(sorted(lengths)))))
    return pl.concat([there, made.filter(pl.col("phase").is_in(asked.phase))])


def standing(asked: Profile, results_dir: Path) -> "pl.DataFrame":
    """Take the rows of profiles that were made on this machine, of the same size, by the same version of torch.

    Raises:
        DataError: a table cannot be read.
    """
    import polars as pl

    from linrec_cli.results import schema, store

    here = machine.describe(asked.device)
    # Some phases run in one number format, whatever was asked for.
    dtype = (phase(asked.phase[0]).dtypes or asked.dtype)[0]
    same = {
        "command": "profile", "benchmark": schema.BENCHMARK, "device": here["device"], "torch": here["torch"],
        "phase": asked.phase[0], "model": asked.model[0], "width": asked.width[0], "heads": asked.heads[0],
        "layers": asked.layers, "dtype": dtype, "threads": asked.threads, "setup": f"items {asked.items}",
    }  # fmt: skip
    if not next(results_dir.glob(f"**/{store.TABLE}"), None):
        return schema.table({}, [])
    table = store.read(results_dir)
    full = pl.col("tokens") == pl.max_horizontal(pl.lit(asked.tokens), "maxlen")
    return table.filter(full, pl.col("status") == "ok", **same)
