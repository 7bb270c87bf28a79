"""`linrec profile`: time and peak memory over sequence lengths, a row a number."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from linrec_cli import catalog, machine
from linrec_cli.cli import console
from linrec_cli.cli.options import RESULTS, Json, ResultsDir, known, listed, numbers, option
from linrec_cli.errors import NothingMeasuredError, UsageError
from linrec_cli.runs.against import judged
from linrec_cli.runs.profile import Row, measured
from linrec_cli.settings import Profile

HELP = """Measure time, peak memory and work over sequence lengths.

[bold]linrec profile[/bold]
[bold]linrec profile --attn softmax,linear --maxlen 128,512,2048 --phase step,serve[/bold]
[bold]linrec profile --batch 8 --width 64,128 --dtype float32,bfloat16 --roofline[/bold]
[bold]linrec profile --tokens 4096 --budget 5 --json > profile.json[/bold]
[bold]linrec profile --against main/results[/bold]

Each cell (mechanism, length, size, phase) runs in a process of its own: running out of memory or time is a row \
that says so, and everything else goes on. Cut short, the same command again measures what is left of that run. All \
lengths have the same number of tokens a batch, or with --batch of sequences. The first mechanism is what the others \
are compared with.
"""

BASELINE = "softmax"
D = Profile()
PHASE = """attention: the layer, forward and backward; either alone by its name. encoder: the model, forward and \
backward. step: a whole step of training. evaluate: ranking users. serve: one new event for each user. compile: the \
layer's first run under torch.compile."""


def joined(values: Iterable[object]) -> str:
    """Write a list as it is given on the command line."""
    return ",".join(map(str, values))


WHAT, SIZE, HOW = "What to measure", "Size", "How to measure"


def command(
    ctx: typer.Context,
    attn: Annotated[
        str,
        option(
            WHAT,
            f"Mechanisms, as a,b or a:option=value. Known: {known('attentions')}.",
            show_default="all causal ones",
        ),
    ] = "",
    maxlen: Annotated[str, option(WHAT, "Sequence lengths.")] = joined(D.maxlen),
    phase: Annotated[str, option(WHAT, PHASE)] = joined(D.phase),
    tokens: Annotated[
        int | None, option(SIZE, "Positions in a batch, the same at every length.", show_default=str(D.tokens))
    ] = None,
    batch: Annotated[int | None, option(SIZE, "Sequences in a batch, in place of --tokens.")] = None,
    width: Annotated[str, option(SIZE, "Channels, as a,b.")] = joined(D.width),
    heads: Annotated[str, option(SIZE, "Heads each width is split into, as a,b.")] = joined(D.heads),
    model: Annotated[str, option(SIZE, f"Models, as a,b. Known: {known('models')}.")] = joined(D.model),
    layers: Annotated[int, option(SIZE, "Blocks of the model.")] = D.layers,
    items: Annotated[int, option(SIZE, "Items the loss and the ranking go over.")] = D.items,
    budget: Annotated[float, option(HOW, "Seconds a cell is timed for, warm-up included.")] = D.budget,
    roofline: Annotated[
        bool, option(HOW, "Measure first how fast the machine copies and multiplies.", "--roofline", show_default=False)
    ] = False,
    device: Annotated[str, option(HOW, "auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[str, option(HOW, "float32, bfloat16 or both, as a,b.")] = joined(D.dtype),
    threads: Annotated[int, option(HOW, "CPU threads.", show_default="physical cores")] = 0,
    seed: Annotated[int, option(HOW, "Seed of weights and inputs.")] = D.seed,
    runs: Annotated[
        int | None,
        option(
            HOW,
            "Runs of it all, one cut short before among them; linrec compare wants five.",
            min=1,
            show_default="1, with --against 5",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        option(
            HOW,
            "Results to compare with: measure what they measured, unless told otherwise, and exit with 5 where fresh "
            "runs confirm that something became worse.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        option(
            HOW,
            "Try longer lengths after one ran out, and unfused softmax beyond 2,048.",
            "--force",
            show_default=False,
        ),
    ] = False,
    as_json: Json = False,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """Measure every cell, write the rows, show the tables."""
    settings = Profile(
        attn=tuple(chosen(attn)), maxlen=tuple(numbers("maxlen", maxlen)), phase=tuple(listed(phase)),
        tokens=D.tokens if tokens is None and batch is None else tokens or 0, batch=batch or 0,
        model=tuple(models(model)),
        width=tuple(numbers("width", width)), heads=tuple(numbers("heads", heads)), layers=layers, items=items,
        budget=budget, seed=seed, device=machine.device(device), dtype=tuple(listed(dtype)),
        threads=threads or machine.cores(),
    )  # fmt: skip
    buildable(settings)
    if against:
        if against.resolve() == results_dir.resolve():
            raise UsageError(f"--against {against} would get the new runs too; give another --results-dir.")
        judged(against, settings, given(ctx), runs, lambda one: measured(one, force, roofline, results_dir), as_json)
        return
    every = [measured(settings, force, roofline, results_dir) for _ in range(runs or 1)]
    rows = [row for one in every for row in one]
    if as_json:
        console.document({"settings": asdict(settings), "rows": rows})
    else:
        show(settings, every[-1])
    if not any(row["status"] == "ok" and row["phase"] != "machine" for row in rows):
        raise NothingMeasuredError("no cell could be measured; the notes in the table say why.")


def given(ctx: typer.Context) -> set[str]:
    """Name the options that stand on the command line, in the environment or in `linrec.toml`."""
    return {name for name in ctx.params if getattr(ctx.get_parameter_source(name), "name", "") != "DEFAULT"}


def chosen(attn: str) -> list[str]:
    """List the mechanisms asked for, or all with a causal form, the baseline first; check every name."""
    names = listed(attn) if attn else catalog.names("attentions")
    modules = {name: catalog.load("attentions", catalog.parse(name)[0]) for name in names}
    if attn:
        return names
    return sorted((n for n in names if "causal" in modules[n].FORMS), key=lambda n: (n != BASELINE, n))


def buildable(settings: Profile) -> None:
    """Build each mechanism that has options once, so that a wrong one is known before anything is measured."""
    from linrec_cli.attentions._build import build

    for spec in (spec for spec in settings.attn if ":" in spec):
        causal = "causal" in catalog.load("attentions", catalog.parse(spec)[0]).FORMS
        build(spec, settings.width[0], settings.heads[0], causal=causal, maxlen=min(settings.maxlen))


def models(model: str) -> list[str]:
    """List the models asked for; check every name."""
    return [name for name in listed(model) if catalog.load("models", name)]


def show(settings: Profile, rows: list[Row]) -> None:
    """Print a table a phase and size, then how it scales and why anything is missing."""
    from linrec_cli.analysis import tables as summary
    from linrec_cli.analysis.scaling import MADE
    from linrec_cli.analysis.sentences import sentences

    told, rows = list(sentences(rows)), [row for row in rows if row["metric"] not in MADE]
    fixed = f"{settings.tokens:,} tokens" if settings.tokens else f"batch {settings.batch:,}"
    fixed += " or one sequence" if 0 < settings.tokens < max(settings.maxlen) else ""
    for table in summary.tables(rows):
        size = ", ".join(f"{name} {value}" for name, value in table.size.items() if value and name != "dtype")
        title, caption = f"{table.phase}: {table.size['dtype']}, {fixed}", f"{size}; {table.kernels or 'nothing ran'}"
        console.table(title, table.columns, table.lines, caption)
    console.sentences(told)
    console.say(f"{rows[0]['device']}, threads {settings.threads}; ± is half the way from the 20 to the 80 % quantile")
    for note in summary.notes(rows):
        console.say(note)
