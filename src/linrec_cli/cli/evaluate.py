"""`linrec evaluate`: rank the held-out items of finished runs, under a protocol of your choice."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console, options
from linrec_cli.declared import check_names
from linrec_cli.settings import Evaluate

HELP = """Evaluate finished runs; several stand side by side.

[bold]linrec evaluate RUN[/bold]
[bold]linrec evaluate results/runs/*-linear-200-* --k 1,5,10,20 --seen rank[/bold]
[bold]linrec evaluate RUN1 RUN2 --protocol uni100 --stage valid[/bold]

RUN is a folder, or the name of one in results/runs. Each user is encoded once, whatever the protocol, \
and the rank of each user is kept in ranks.parquet.
"""
SEEN = {"remove": "seen items removed", "rank": "seen items ranked"}
Row = dict[str, Any]


@options.of(Evaluate)
def command(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, as folders or names.", show_default=False)],
    *,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
    **given: Any,
) -> None:
    """Evaluate each run and show them side by side."""
    settings = options.made(Evaluate, given)
    check_names(settings)

    from linrec_cli.cli.events import tell
    from linrec_cli.runs.evaluate import evaluate
    from linrec_cli.runs.find import find

    rows: list[Row] = []
    for one in dict.fromkeys(run):
        folder = find(one, results_dir, trained=True)
        found = evaluate(
            folder, settings=settings, results_dir=results_dir, data_dir=data_dir, watch=tell, report=console.say
        )
        made = found.rows.to_dicts()
        console.say(f"{results_dir / 'runs' / made[0]['run']}")
        rows += made
    if as_json:
        console.document({"how": asdict(settings), "rows": rows})
    else:
        show(rows, settings)


def show(rows: Sequence[Row], settings: Evaluate) -> None:
    """Show the runs side by side, a metric a line."""
    from linrec_cli.analysis.labels import mechanism, metric_label

    runs: dict[str, Row] = {}
    lines: dict[str, list[str]] = {}
    for row in rows:
        runs.setdefault(row["run"], row)
        lines.setdefault(metric_label(row), []).append(told(row))
    heads = [f"{mechanism(row)} {row['maxlen']} s{row['seed']}" for row in runs.values()]
    ranked = catalog.load("protocols", catalog.parse(settings.protocol)[0]).TITLE
    splits = ", ".join(dict.fromkeys(row["split"] for row in rows))
    seen = " or ".join(dict.fromkeys(SEEN[row["seen"]] for row in rows))
    notes = " ".join(dict.fromkeys(f"{said.capitalize()}." for said in said_of(rows)))
    console.table(
        f"{rows[0]['dataset']}, {settings.stage}",
        ["metric", *heads],
        [[metric, *values] for metric, values in lines.items()],
        f"{splits}, {ranked}, {seen}, ties at their mean rank; ± is one standard error. {notes}".strip(),
    )


def said_of(rows: Sequence[Row]) -> list[str]:
    """List what numbers warn of."""
    return [part for row in rows for part in (row["note"] or "").split("; ") if part and not part.startswith("weights")]


def told(row: Row) -> str:
    """Write a number, and its standard error where it has one."""
    return f"{row['value']:.4f}" + ("" if row["high"] is None else f" ±{row['high'] - row['value']:.4f}")
