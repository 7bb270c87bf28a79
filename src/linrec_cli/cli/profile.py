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

HELP = """Measure time, peak memory and work over sequence lengths.

[bold]linrec profile[/bold]
[bold]linrec profile --attn softmax,linear --maxlen 128,512,2048 --phase step,serve[/bold]
[bold]linrec profile --batch 8 --width 64,128 --dtype float32,bfloat16 --roofline[/bold]
[bold]linrec profile --tokens 4096 --budget 5 --json > profile.json[/bold]

Each cell (mechanism, length, size, phase) runs in a process of its own: running out of memory or time is a row \
that says so, and everything else goes on. All lengths have the same number of tokens a batch, or with --batch \
of sequences. The first mechanism is what the others are compared with.
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
        width=tuple(numbers("width", width)), heads=tuple(numbers("heads", heads)), layers=layers, items=items,
        budget=budget, seed=seed, device=machine.device(device), dtype=tuple(listed(dtype)),
        threads=threads or machine.cores(),
    )  # fmt: skip
    rows = measured(settings, force, roofline, results_dir)
    if as_json:
        console.document({"settings": asdict(settings), "rows": rows})
    else:
        show(settings, rows)
    if not any(row["status"] == "ok" and row["phase"] != "machine" for row in rows):
        raise NothingMeasuredError("no cell could be measured; the notes in the table say why.")


def chosen(attn: str) -> list[str]:
    """List the mechanisms asked for, or all with a causal form, the baseline first; check every name."""
    names = listed(attn) if attn else catalog.names("attentions")
    modules = {name: catalog.load("attentions", catalog.parse(name)[0]) for name in names}
    if attn:
        return names
    return sorted((n for n in names if "causal" in modules[n].FORMS), key=lambda n: (n != BASELINE, n))


def measured(settings: Profile, force: bool, roofline: bool, results_dir: Path) -> list[dict[str, Any]]:
    """Measure, work out how it scales, and write what there is also when interrupted."""
    from linrec_cli.profiling import scaling, sweep
    from linrec_cli.profiling.work import build

    shared = labels(settings)
    rows: list[dict[str, Any]] = []
    try:
        for cell in watched(settings, sweep.run(settings, build, force=force, ceilings=roofline)):
            created = datetime.now(UTC)
            rows += [shared | {"created": created} | row for row in cell]
        rows += scaling.rows(rows)
    finally:
        if rows:
            write(settings, rows, results_dir)
    return rows


def labels(settings: Profile) -> dict[str, Any]:
    """Write what is the same in every row."""
    same = {name: getattr(settings, name) for name in ("seed", "threads")}
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
    from linrec_cli.profiling.cell import cells as planned

    # Memory and time of each, and of what is compiled the time alone.
    total = sum(1 if cell.phase == "compile" else 2 for group in planned(settings) for cell in group)
    text = TextColumn("{task.description}")
    columns = SpinnerColumn(), MofNCompleteColumn(), BarColumn(20), TimeElapsedColumn(), text
    with console.progress(*columns) as progress:
        task = progress.add_task("measuring", total=total)
        for rows in cells:
            yield rows
            progress.update(task, advance=rows[0]["phase"] != "machine", description=summary.line(rows))
            if progress.disable:
                console.say(summary.line(rows))


def show(settings: Profile, rows: list[dict[str, Any]]) -> None:
    """Print a table a phase and size, then how it scales and why anything is missing."""
    from linrec_cli.profiling import summary
    from linrec_cli.profiling.scaling import MADE
    from linrec_cli.profiling.sentences import sentences

    told, rows = list(sentences(rows)), [row for row in rows if row["metric"] not in MADE]
    fixed = f"{settings.tokens:,} tokens" if settings.tokens else f"batch {settings.batch:,}"
    for table in summary.tables(rows):
        size = ", ".join(f"{name} {value}" for name, value in table.size.items() if name != "dtype")
        title, caption = f"{table.phase}: {table.size['dtype']}, {fixed}", f"{size}; {table.kernels or 'nothing ran'}"
        console.table(title, table.columns, table.lines, caption)
    for sentence in told:
        print(sentence)
    console.say(f"{rows[0]['device']}, threads {settings.threads}; ± is half the way from the 20 to the 80 % quantile")
    for note in summary.notes(rows):
        console.say(note)
