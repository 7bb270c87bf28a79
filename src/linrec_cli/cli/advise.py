"""`linrec advise`: what a training will cost on some data, and where linear attention pays."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console, options
from linrec_cli.cli.options import option
from linrec_cli.cli.train import fitting, laid_out
from linrec_cli.declared import flag
from linrec_cli.settings import RUNNING, Profile, Reading, Train, form

if TYPE_CHECKING:
    from linrec_cli.analysis.advice import Cost
    from linrec_cli.runs.data import Dataset

HELP = """Say what mechanisms will cost on your data, an epoch and an evaluation, and where linear attention pays.

[bold]linrec advise my.csv[/bold]
[bold]linrec advise ml-1m --attn softmax,linear --maxlen 200,400 --width 128[/bold]

The lengths of your histories are laid over curves of this machine: those that `linrec profile` left in the results, \
and what they lack is measured now. The options are those of `linrec train`.
"""
UNMEASURED = ("dropout", "ema", "clip", "graphs", "deterministic")
"""Settings that cost a training something, which a profile has as they usually are."""
TELLING = ("softmax", "linear", "linear-gated")


@options.of(Train, Reading)
def command(
    ctx: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A name of `linrec download --list`, or files.")],
    *,
    preset: options.Preset = "",
    budget: Annotated[float, option(RUNNING, "Seconds a measurement.", "--budget", min=0.1, max=86_400)] = 2.0,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
    **given: Any,
) -> None:
    """Lay the cells out, measure what lacks, and show what each costs."""
    from linrec_cli.runs.advise import advise, alike, lengths

    told = options.asked(ctx)
    alike(laid_out(given | {"data": data}))
    if "attn" not in told and form(given["model"]):
        given["attn"] = ",".join(usual(given["model"]))

    from linrec_cli.runs.data import prepare
    from linrec_cli.runs.train import settled

    kept = {name: given[name] for name in ("min_user", "min_item")} | options.given(Reading, given)
    found = prepare(data, data_dir=data_dir, report=console.say, **kept)
    if "maxlen" not in told:
        given["maxlen"] = options.joined(lengths(found))
    cells = [settled(cell, found) for cell in laid_out(given | {"data": data})]
    fitting(cells, found)
    costs = advise(cells, found, results_dir, lambda asked: measured(asked, results_dir), budget)
    show(costs, found, unmeasured(cells[0]), as_json)


def usual(model: str) -> list[str]:
    """List the most telling mechanisms that have the form of a model."""
    return [name for name in TELLING if form(model) in catalog.load("attentions", name).FORMS]


def measured(asked: Profile, results_dir: Path) -> list[dict[str, Any]]:
    """Measure a profile into the results, as `linrec profile` does."""
    from linrec_cli.cli import profile
    from linrec_cli.settings import Effort

    return profile.measured(asked, Effort(), results_dir)


def unmeasured(cell: Train) -> list[str]:
    """List, as options, what takes time in a training and is not as in the profile that is measured."""
    given = {flag(name): getattr(cell, name) for name in UNMEASURED if getattr(cell, name) != getattr(Train(), name)}
    return [name if value is True else f"{name} {value}" for name, value in given.items()]


def show(costs: "Sequence[Cost]", data: "Dataset", left: list[str], as_json: bool) -> None:
    """Print a line a mechanism and length, where each pays, and what is `left` out."""
    from linrec_cli.analysis.advice import MARGIN, pays

    longer = {one.maxlen: float((data.sequences.offsets.diff() > one.maxlen).double().mean()) for one in costs}
    if as_json:
        listed = [asdict(one) | {"longer_histories": longer[one.maxlen]} for one in costs]
        console.document({"dataset": data.name, "costs": listed, "where": pays(costs), "left_out": left})
        return
    lines = [
        [one.attn or "–", one.maxlen, f"{longer[one.maxlen]:.0%}", console.duration(one.epoch),
         console.duration(one.evaluation), "–" if one.bytes is None else f"{one.bytes / 2**20:.0f}"]
        for one in costs
    ]  # fmt: skip
    console.table(
        f"{data.name}, what it will cost",
        ["attention", "maxlen", "longer", "an epoch", "an evaluation", "MiB"],
        lines,
        "longer: share of histories that maxlen cuts. MiB: peak memory of a step of training. Faster: an epoch and its"
        f" validation, by more than {MARGIN:.0%}.",
    )
    console.sentences(pays(costs))
    if busy := list(dict.fromkeys(one.attn or "the model" for one in costs if one.contended)):
        console.sentences([f"Others used the cores while {', '.join(busy)} took its time: seconds are too long."])
    if left:
        console.sentences([f"Not in these figures: {', '.join(left)}."])
