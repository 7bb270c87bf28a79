"""`linrec profile`: time and peak memory over sequence lengths, a row a number."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from linrec_cli import catalog, machine
from linrec_cli.cli import console
from linrec_cli.cli.options import RESULTS, Json, ResultsDir, known, listed, numbers, option
from linrec_cli.errors import NothingMeasuredError
from linrec_cli.settings import Profile, digest

HELP = """Measure time and peak memory over sequence lengths.

[bold]linrec profile[/bold]
[bold]linrec profile --attn softmax,linear --maxlen 128,512,2048 --phase step[/bold]
[bold]linrec profile --tokens 4096 --budget 5 --json > profile.json[/bold]

Each cell (mechanism, length, phase) runs in a process of its own: running out of memory or time is a row \
that says so, and everything else goes on. All lengths have the same number of tokens a batch. The first \
mechanism is what the others are compared with.
"""

BASELINE = "softmax"
D = Profile()
WHAT, SIZE, HOW = "What to measure", "Size", "How to measure"


def command(
    attn: Annotated[
        str,
        option(
            WHAT,
            f"Mechanisms, as a,b or a:option=value. Known: {known('attentions')}.",
            show_default="all causal ones",
        ),
    ] = "",
    maxlen: Annotated[str, option(WHAT, "Sequence lengths.")] = ",".join(map(str, D.maxlen)),
    phase: Annotated[
        str, option(WHAT, "attention: the layer, forward and backward. step: a whole step of training.")
    ] = ",".join(D.phase),
    tokens: Annotated[int, option(SIZE, "Positions in a batch, the same at every length.")] = D.tokens,
    width: Annotated[int, option(SIZE, "Channels.")] = D.width,
    heads: Annotated[int, option(SIZE, "Heads the width is split into.")] = D.heads,
    layers: Annotated[int, option(SIZE, "Blocks of the model (step).")] = D.layers,
    items: Annotated[int, option(SIZE, "Items the loss ranks (step).")] = D.items,
    budget: Annotated[float, option(HOW, "Seconds a cell is timed for, warm-up included.")] = D.budget,
    device: Annotated[str, option(HOW, "auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[str, option(HOW, "float32 or bfloat16.")] = D.dtype,
    threads: Annotated[int, option(HOW, "CPU threads.", show_default="physical cores")] = 0,
    seed: Annotated[int, option(HOW, "Seed of weights and inputs.")] = D.seed,
    force: Annotated[bool, option(HOW, "Try longer lengths after one ran out.", "--force", show_default=False)] = False,
    as_json: Json = False,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """Measure every cell, write the rows, show the table."""
    settings = Profile(
        attn=tuple(chosen(attn)), maxlen=tuple(numbers("maxlen", maxlen)), phase=tuple(listed(phase)),
        tokens=tokens, width=width, heads=heads, layers=layers, items=items, budget=budget, seed=seed,
        device=machine.device(device), dtype=dtype, threads=threads or machine.cores(),
    )  # fmt: skip
    rows = measured(settings, force, results_dir)
    if as_json:
        console.document({"settings": asdict(settings), "rows": rows})
    else:
        show(settings, rows)
    if not any(row["status"] == "ok" for row in rows):
        raise NothingMeasuredError("no cell could be measured; the notes in the table say why.")


def chosen(attn: str) -> list[str]:
    """List the mechanisms asked for, or all with a causal form, the baseline first; check every name."""
    names = listed(attn) if attn else catalog.names("attentions")
    modules = {name: catalog.load("attentions", catalog.parse(name)[0]) for name in names}
    if attn:
        return names
    return sorted((n for n in names if "causal" in modules[n].FORMS), key=lambda n: (n != BASELINE, n))


def measured(settings: Profile, force: bool, results_dir: Path) -> list[dict[str, Any]]:
    """Measure, and write what there is also when interrupted."""
    from linrec_cli.profiling import sweep
    from linrec_cli.profiling.work import build

    shared = labels(settings)
    rows: list[dict[str, Any]] = []
    try:
        for cell in watched(settings, sweep.run(settings, build, force=force)):
            created = datetime.now(UTC)
            rows += [shared | {"created": created} | row for row in cell]
    finally:
        if rows:
            write(settings, rows, results_dir)
    return rows


def labels(settings: Profile) -> dict[str, Any]:
    """Write what is the same in every row."""
    same = {name: getattr(settings, name) for name in ("width", "heads", "seed", "dtype", "threads")}
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    run = f"profile-{settings.device}-{stamp}-{digest(settings)}"
    return {"run": run, "command": "profile"} | same | machine.describe(settings.device)


def write(settings: Profile, rows: list[dict[str, Any]], results_dir: Path) -> None:
    """Write the run's table and settings, and say where."""
    from linrec_cli.results import schema, store

    folder = store.folder(results_dir, rows[0]["run"])
    store.write_frame(schema.table({}, rows), folder / store.TABLE)
    store.write_settings(asdict(settings), folder / store.SETTINGS)
    console.say(f"Results are in {folder}")


def watched(settings: Profile, cells: Iterable[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """Show each cell as it is there: a live line on a terminal, a line a cell where there is none."""
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

    from linrec_cli.profiling import summary

    total = 2 * len(settings.attn) * len(set(settings.maxlen)) * len(settings.phase)
    text = TextColumn("{task.description}")
    columns = SpinnerColumn(), MofNCompleteColumn(), BarColumn(20), TimeElapsedColumn(), text
    with console.progress(*columns) as progress:
        task = progress.add_task("measuring", total=total)
        for rows in cells:
            yield rows
            progress.update(task, advance=1, description=summary.line(rows))
            if progress.disable:
                console.say(summary.line(rows))


def show(settings: Profile, rows: list[dict[str, Any]]) -> None:
    """Print a table a phase, then why anything is missing."""
    from linrec_cli.profiling import summary

    where = f"{rows[0]['device']}, {settings.dtype}, {settings.tokens:,} tokens, threads {settings.threads}"
    for phase in summary.phases(rows):
        console.table(f"{phase}: {where}", summary.COLUMNS, summary.lines(rows, phase))
    for note in summary.notes(rows):
        console.say(note)
