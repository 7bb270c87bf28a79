"""`linrec evaluate`: rank the held-out items of finished runs, under a protocol of your choice."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog, processes
from linrec_cli.cli import console, options
from linrec_cli.declared import check_names
from linrec_cli.names import several
from linrec_cli.settings import Evaluate

if TYPE_CHECKING:
    from linrec_cli.analysis.side_by_side import Comparison
    from linrec_cli.runs import Result

HELP = """Evaluate finished runs; several stand side by side.

[bold]linrec evaluate RUN[/bold]
[bold]linrec evaluate results/runs/*-linear-200-* --k 1,5,10,20 --seen rank[/bold]
[bold]linrec evaluate RUN1 RUN2 --protocol uni100 --stage valid[/bold]
[bold]linrec evaluate RUN --metrics ndcg,coverage,gini,novelty[/bold]
[bold]linrec evaluate BASE RUN1 RUN2 --significance[/bold]

RUN is a folder, or the name of one in results/runs. Each user is encoded once, whatever the protocol, and once \
more for metrics of lists; the rank of each user is kept in ranks.parquet.
"""
SEEN = {"remove": "seen items removed", "rank": "seen items ranked"}
Row = dict[str, Any]


@options.of(Evaluate)
def command(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, as folders or names.", show_default=False)],
    *,
    significance: Annotated[
        bool,
        options.option(options.OUTPUT, "Compare each run with the first, user by user.", "--significance"),
    ] = False,
    as_json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    results_dir: options.ResultsDir = options.RESULTS,
    **given: Any,
) -> None:
    """Evaluate each run and show them side by side."""
    settings = options.made(Evaluate, given)
    check_names(settings)

    from linrec_cli.runs.find import find
    from linrec_cli.runs.side_by_side import check
    from linrec_cli.runs.side_by_side import significance as compared

    folders = {one: find(one, results_dir, trained=True) for one in run}
    if significance:
        check(folders)
    with processes.joined(settings.device):
        found = [evaluated(folder, settings, results_dir, data_dir) for folder in folders.values()]
    if processes.rank():
        return
    made = [one.rows.to_dicts() for one in found]
    verdicts = compared(dict(zip(folders, found, strict=True))) if significance else []
    if as_json:
        more = {"significance": [asdict(one) for one in verdicts]} if significance else {}
        console.document({"how": asdict(settings), "rows": [row for rows in made for row in rows], **more})
    else:
        called = heads(made, [folder.name for folder in folders.values()])
        show(made, called, settings)
        tested(verdicts, dict(zip(folders, called, strict=True)))


def evaluated(folder: Path, settings: Evaluate, results_dir: Path, data_dir: Path) -> "Result":
    """Evaluate a run, and say where that is written."""
    from linrec_cli.cli.events import tell
    from linrec_cli.runs.evaluate import evaluate

    made = evaluate(folder, None, settings, results_dir, data_dir=data_dir, watch=tell, report=console.say)
    console.say(f"{results_dir / 'runs' / made.rows['run'][0]}")
    return made


def show(made: Sequence[Sequence[Row]], called: Sequence[str], settings: Evaluate) -> None:
    """Show the runs side by side as they are `called`, a metric a line."""
    from linrec_cli.analysis.labels import metric_label

    rows = worth_telling([row for rows in made for row in rows])
    numbers = [{metric_label(row): told(row) for row in rows} for rows in made]
    metrics = dict.fromkeys(metric_label(row) for row in rows)
    ranked = catalog.load("protocols", catalog.parse(settings.protocol)[0]).TITLE
    splits = ", ".join(dict.fromkeys(row["split"] for row in rows))
    seen = " or ".join(dict.fromkeys(SEEN[row["seen"]] for row in rows))
    notes = " ".join(dict.fromkeys(f"{said.capitalize()}." for said in said_of(rows)))
    data = ", ".join(dict.fromkeys(row["dataset"] for row in rows))
    console.table(
        f"{data}, {settings.stage}",
        ["metric", *called],
        [[metric, *(mine.get(metric, "–") for mine in numbers)] for metric in metrics],
        f"{splits}, {ranked}, {seen}, ties at their mean rank; ± is one standard error. {notes}".strip(),
    )


def heads(made: Sequence[Sequence[Row]], folders: Sequence[str]) -> list[str]:
    """Name each run in short, by its data, its model and its split too where these tell them apart.

    Those that differ in something else have the digest that their folder ends with.
    """
    from linrec_cli.analysis.labels import mechanism

    runs = [rows[0] for rows in made]
    several = len({row["model"] for row in runs if row["attention"]}) > 1
    apart = len({row["data_digest"] for row in runs}) > 1
    splits = len({row["split"] for row in runs}) > 1
    found = [
        " ".join([
            *([row["dataset"]] if apart else []),
            *([row["model"]] if several and row["attention"] else []),
            f"{mechanism(row)} {row['maxlen']} s{row['seed']}",
            *([row["split"]] if splits else []),
        ])
        for row in runs
    ]  # fmt: skip
    ends = [folder.rpartition("-")[2] for folder in folders]
    return [f"{one} {end}" if found.count(one) > 1 else one for one, end in zip(found, ends, strict=True)]


def tested(verdicts: Sequence["Comparison"], heads: dict[str, str]) -> None:
    """Show how runs differ from the first; nothing where that was not asked for."""
    if not verdicts:
        return
    from linrec_cli.analysis.labels import metric_label
    from linrec_cli.analysis.side_by_side import DRAWS

    lines = [
        [heads[one.new], metric_label(asdict(one)), f"{one.difference:+.4f}", f"{one.low:+.4f} {one.high:+.4f}",
         f"{one.d_z:+.2f}", f"{one.p_t:.2g}", f"{one.p_bootstrap:.2g}"]
        for one in verdicts
    ]  # fmt: skip
    console.table(
        f"Against {heads[verdicts[0].base]}, {several(verdicts[0].users, 'user')}",
        ["run", "metric", "change", "95 % interval", "d_z", "p(t)", "p(drawn)"],
        lines,
        f"Change: mean of the users' differences; interval and p(drawn): {DRAWS:,} bootstrap draws of users; p(t):"
        f" Student's paired test; both p after Holm, {several(len(verdicts), 'comparison')};"
        " d_z: mean over standard deviation. One training each: what another seed would change is not in it.",
    )


def worth_telling(rows: Sequence[Row]) -> list[Row]:
    """Leave out what no run has any of: targets that are cold."""
    from linrec_cli.evaluation.cold import COLD

    there = {row["metric"] for row in rows if row["value"]}
    return [row for row in rows if row["metric"] not in COLD or row["metric"] in there]


def said_of(rows: Sequence[Row]) -> list[str]:
    """List what numbers warn of."""
    from linrec_cli.cli.train_table import WARNINGS

    aware = [WARNINGS["time_aware"]] if any(row["time_aware"] for row in rows) else []
    return aware + [
        part for row in rows for part in (row["note"] or "").split("; ") if part and not part.startswith("weights")
    ]


def told(row: Row) -> str:
    """Write a number, a count in full, and its standard error where it has one."""
    if row["value"] is None:
        return "–"
    if row["metric"].startswith("cold_"):
        return f"{row['value']:,.0f}"
    return f"{row['value']:.4f}" + ("" if row["high"] is None else f" ±{row['high'] - row['value']:.4f}")
