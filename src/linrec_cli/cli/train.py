"""`linrec train`: one run, or a sweep over mechanisms, lengths and seeds."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from linrec_cli import catalog, machine
from linrec_cli.cli import options
from linrec_cli.cli.options import option
from linrec_cli.errors import NothingMeasuredError, UsageError
from linrec_cli.settings import Train

HELP = """Train models: early stopping on validation NDCG@10, then a test of the best epoch.

[bold]linrec train --attn linear --maxlen 200[/bold]
[bold]linrec train --attn softmax,linear --maxlen 50,100,200 --seed 0,1,2[/bold]
[bold]linrec train --data my.csv --attn linear --max-minutes 30[/bold]

Several values make a sweep: each cell is a run in a process of its own, and one that fails is a row. \
The same command again goes on with what was interrupted and skips what is done.

Each option can stand in linrec.toml under \\[train], or in the environment as LINREC_TRAIN_WIDTH.
"""
MODEL, DATA, TRAINING, RUNNING = "Model", "Data", "Training", "Running"
D = Train()


def command(
    ctx: typer.Context,
    attn: Annotated[
        str, option(MODEL, f"Mechanisms, as a,b or a:option=value. Known: {options.known('attentions')}.")
    ] = D.attn,
    maxlen: Annotated[str, option(MODEL, "Lengths of history read, as 50,100.")] = str(D.maxlen),
    model: Annotated[str, option(MODEL, f"Known: {options.known('models')}.")] = D.model,
    width: Annotated[int, option(MODEL, "Channels.")] = D.width,
    layers: Annotated[int, option(MODEL, "Blocks.")] = D.layers,
    heads: Annotated[int, option(MODEL, "Heads the width is split into.")] = D.heads,
    dropout: Annotated[float, option(MODEL, "Share of outputs dropped in training.")] = D.dropout,
    data: Annotated[str, option(DATA, "A name of `linrec download --list`, or a file of your own.")] = D.data,
    min_user: Annotated[int, option(DATA, "k-core: least events of a user.")] = D.min_user,
    min_item: Annotated[int, option(DATA, "k-core: least events of an item.")] = D.min_item,
    user: Annotated[str | None, option(DATA, "Column of users in your file.")] = None,
    item: Annotated[str | None, option(DATA, "Column of items in your file.")] = None,
    time: Annotated[str | None, option(DATA, "Column of times in your file.")] = None,
    skip_bad: Annotated[bool, option(DATA, "Leave malformed rows of your file out.", "--skip-bad")] = False,
    seed: Annotated[str, option(TRAINING, "Seeds, as 0,1,2.")] = str(D.seed),
    lr: Annotated[float, option(TRAINING, "Learning rate of AdamW.")] = D.lr,
    weight_decay: Annotated[float, option(TRAINING, "Decay of weight matrices.")] = D.weight_decay,
    tokens: Annotated[int, option(TRAINING, "Positions in a batch, padding included; one window at least.")] = D.tokens,
    patience: Annotated[int, option(TRAINING, "Epochs without a better validation before it stops.")] = D.patience,
    epochs: Annotated[int, option(TRAINING, "Epochs at most.")] = D.epochs,
    max_minutes: Annotated[float, option(TRAINING, "Minutes at most; 0 is no limit.")] = D.max_minutes,
    device: Annotated[str, option(RUNNING, "auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[str, option(RUNNING, "float32, bfloat16, or auto: bfloat16 on cuda.")] = "auto",
    threads: Annotated[int, option(RUNNING, "CPU threads.", show_default="physical cores")] = 0,
    resume: Annotated[bool, option(RUNNING, "Say what is taken up, or that nothing is.", "--resume")] = False,
    fresh: Annotated[bool, option(RUNNING, "Discard what is there.", "--fresh", "--force")] = False,
    dry_run: Annotated[
        bool, option(RUNNING, "Show cells, settings and an estimate; train nothing.", "--dry-run")
    ] = False,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
) -> None:
    """Lay out the cells, train those that are not done, show them all."""
    lists = (options.listed(attn), options.numbers("maxlen", maxlen), options.numbers("seed", seed))
    cells = laid_out(settings(ctx.params), *lists)
    source = {"source": data, "user": user, "item": item, "time": time, "skip_bad": skip_bad}

    from linrec_cli.cli import dry_run as trial
    from linrec_cli.runs import sweep

    sequences, prepared = sweep.open_data(source, cells[0], data_dir)
    cells = [replace(cell, data=prepared.name, data_digest=prepared.digest) for cell in cells]
    if dry_run:
        trial.show(cells, sequences, ctx, as_json)
        return
    rows = sweep.run(cells, source, sequences, data_dir, results_dir, fresh=fresh, resume=resume)
    sweep.show(cells, rows, results_dir, as_json)
    if not all(any(row["run"] == cell.name and row["status"] == "ok" for row in rows) for cell in cells):
        raise NothingMeasuredError("a cell failed; its row says why.")


def settings(given: dict[str, Any]) -> Train:
    """Make the settings that all cells share from what the options gave."""
    device = machine.device(given["device"])
    dtype = {"auto": "bfloat16" if device == "cuda" else "float32"}.get(given["dtype"], given["dtype"])
    if dtype not in ("float32", "bfloat16"):
        raise catalog.unknown("dtype", dtype, ("auto", "float32", "bfloat16"))
    names = Train.__dataclass_fields__.keys() - {
        "attn",
        "maxlen",
        "seed",
        "device",
        "dtype",
        "data_digest",
        "threads",
    }
    longest = max(options.numbers("maxlen", given["maxlen"]))
    return Train(
        **{name: given[name] for name in names},
        maxlen=longest,
        device=device,
        dtype=dtype,
        threads=given["threads"] or machine.cores(),
    )


def laid_out(shared: Train, attns: list[str], maxlens: list[int], seeds: list[int]) -> list[Train]:
    """Lay out a cell for each mechanism, length and seed, and build each mechanism once, so that a typo costs nothing.

    Raises:
        UsageError: a mechanism or model is unknown, or they do not fit together.
    """
    from linrec_cli.attentions._build import build

    causal = catalog.load("models", shared.model).CAUSAL
    for attn in attns:
        build(attn, shared.width, shared.heads, causal=causal, maxlen=max(maxlens))
    if any(seed < 0 for seed in seeds):
        raise UsageError("--seed takes numbers from 0 on.")
    return [replace(shared, attn=a, maxlen=n, seed=s) for a in attns for n in maxlens for s in seeds]
