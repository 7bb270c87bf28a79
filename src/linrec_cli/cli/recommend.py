"""`linrec recommend`: what a trained run would put first, for a user of its data or after a history."""

from pathlib import Path
from typing import Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import DATASETS, OUTPUT, RESULTS, DataDir, Json, ResultsDir, option
from linrec_cli.errors import UsageError
from linrec_cli.settings import AUTO

HELP = """Recommend items by a finished run.

[bold]linrec recommend RUN --user 42[/bold]
[bold]linrec recommend RUN --history 50,172,133 --k 5[/bold]
[bold]linrec recommend RUN -o top.parquet[/bold]
[bold]linrec recommend RUN --file users.csv -o top.csv[/bold]

Ids are those of your data. A user is recommended to after all events there are of them; without a user or a history \
all users are. Items of the history are left out where golds do not repeat (--seen).
"""
ASK, SEEN = "What to recommend to", (AUTO, "remove", "rank")


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or a part of it.")],
    user: Annotated[list[str] | None, option(ASK, "A user, by the id in your data; may be given again.")] = None,
    history: Annotated[list[str] | None, option(ASK, "Items, oldest first, as 50,172,133; may be given again.")] = None,
    file: Annotated[Path | None, option(ASK, "Users, in a CSV or Parquet file.")] = None,
    k: Annotated[int, option(ASK, "Items for each.", min=1, max=100_000)] = 10,
    seen: Annotated[str, option(ASK, "remove or rank items of the history; auto: as the data want it.")] = AUTO,
    output: Annotated[
        Path | None, option(OUTPUT, "Write Parquet, or CSV, in place of a table.", "-o", "--output")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = DATASETS,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """Recommend, and show or write it."""
    if sum(map(bool, (user, history, file))) > 1:
        raise UsageError("give one of --user, --history and --file.")
    if not (user or history or file or output):
        raise UsageError("give --user, --history, --file, or -o FILE for all users.")
    if seen not in SEEN:
        raise catalog.unknown("choice of --seen", seen, SEEN)

    from linrec_cli.runs.find import find
    from linrec_cli.runs.recommend import opened, recommend, users_of

    served = opened(find(run, results_dir, trained=True), seen, data_dir=data_dir, report=console.say)
    histories = [[one.strip() for one in text.split(",") if one.strip()] for text in history or ()]
    users = users_of(file) if file else user or None
    table = recommend(served, k, users=users, histories=histories or None)
    if output:
        from linrec_cli import disk

        with disk.whole(output) as part:
            (table.write_csv if output.suffix == ".csv" else table.write_parquet)(part)
        console.say(f"wrote {table['history'].n_unique():,} lists to {output}")
    if as_json:
        console.document({"run": run, "seen": served.seen, "recommended": table.to_dicts()})
    elif not output:
        show(table.to_dicts(), served.seen)


def show(rows: list[dict[str, Any]], seen: str) -> None:
    """Print a line an item."""
    lines = [[row["history"], row["rank"], row["item"], row["title"] or "", f"{row['score']:.3f}"] for row in rows]
    left = "Items of the history are left out." if seen == "remove" else "Items of the history may come again."
    console.table("Recommended", ["for", "rank", "item", "title", "score"], lines, left)
