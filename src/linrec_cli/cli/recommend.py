"""`linrec recommend`: what a trained run would put first, for a user of its data or after a history."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import DATASETS, OUTPUT, RESULTS, DataDir, Json, ResultsDir, option
from linrec_cli.errors import DataError, UsageError
from linrec_cli.names import several, shown
from linrec_cli.settings import AUTO

if TYPE_CHECKING:
    from linrec_cli.runs.stream import Answer, Stream

HELP = """Recommend items by a finished run.

[bold]linrec recommend RUN --user 42[/bold]
[bold]linrec recommend RUN --history 50,172,133 --k 5[/bold]
[bold]linrec recommend RUN -o top.parquet[/bold]
[bold]linrec recommend RUN --file users.csv -o top.csv[/bold]
[bold]tail -f events.tsv | linrec recommend RUN --stream[/bold]

Ids are those of your data. A user is recommended to after all events there are of them; without a user or a history \
all users are. Items of the history are left out where golds do not repeat (--seen).

--stream reads lines of a user and an item, and answers each with a line, user<TAB>item,item,..., or with --json an \
object. A user's history begins with what the data have of it; one who is new begins with none. A line that cannot be \
read is told on stderr and answered all the same; the exit code is then 3.
"""
WRITTEN = (".parquet", ".csv")
ASK, SEEN = "What to recommend to", (AUTO, "remove", "rank")


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or a part of it.")],
    user: Annotated[list[str] | None, option(ASK, "A user, by the id in your data; may be given again.")] = None,
    history: Annotated[list[str] | None, option(ASK, "Items, oldest first, as 50,172,133; may be given again.")] = None,
    file: Annotated[Path | None, option(ASK, "Users, in a CSV or Parquet file.")] = None,
    stream: Annotated[bool, option(ASK, "Read events from stdin and answer each.", "--stream")] = False,
    k: Annotated[int, option(ASK, "Items for each.", min=1, max=100_000)] = 10,
    seen: Annotated[str, option(ASK, "remove or rank items of the history; auto: as the run was trained.")] = AUTO,
    output: Annotated[
        Path | None, option(OUTPUT, "Write Parquet, or CSV, in place of a table.", "-o", "--output")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = DATASETS,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """Recommend, and show or write it."""
    check(seen, output, user, history, file, stream)

    from linrec_cli.runs.find import find
    from linrec_cli.runs.recommend import opened, recommend, users_of

    served = opened(find(run, results_dir, trained=True), seen, data_dir=data_dir, report=console.say)
    if stream:
        from linrec_cli.runs.stream import Stream

        answer(Stream(served, k), as_json)
        return
    histories = [[one.strip() for one in text.split(",") if one.strip()] for text in history or ()]
    users = users_of(file, served.data.prepared.users["raw"]) if file else user or None
    table = recommend(served, k, users=users, histories=histories or None)
    if output:
        from linrec_cli import disk

        with disk.whole(output) as part:
            getattr(table, f"write_{output.suffix.lower()[1:]}")(part)
        console.say(f"wrote {several(table['history'].n_unique(), 'list')} to {output}")
    if as_json:
        console.document({"run": run, "seen": served.seen, "recommended": table.to_dicts()})
    elif not output:
        show(table.to_dicts(), served.seen)


def check(seen: str, output: Path | None, *asked: Any) -> None:
    """Refuse what does not fit together; `asked` ends with whether a stream is read.

    Raises:
        UsageError: it does not.
    """
    if sum(map(bool, asked)) > 1:
        raise UsageError("give one of --user, --history, --file and --stream.")
    if not (any(asked) or output):
        raise UsageError("give --user, --history, --file, --stream, or -o FILE for all users.")
    if asked[-1] and output:
        raise UsageError("--stream answers on stdout; leave -o out.")
    if output and output.suffix.lower() not in WRITTEN:
        raise UsageError(f"{output} is no {' or '.join(WRITTEN)} file; name one.")
    if seen not in SEEN:
        raise catalog.unknown("choice of --seen", seen, SEEN)


def answer(stream: "Stream", as_json: bool) -> None:
    """Answer each line of stdin with a line, at once.

    Raises:
        DataError: events were left out.
    """
    count, wrong = 0, 0
    for one in stream.answers(events()):
        count += 1
        if one.error:
            wrong += 1
            console.fail(f"line {one.line}: {one.error}")
        console.answer(line(one, as_json))
    kept, users = stream.size(), len(stream.users)
    each = f", {console.size(kept / users)} kept for each" if users else ""
    console.say(f"read {several(count, 'line')} of {several(users, 'user')}{each}")
    if wrong:
        raise DataError(f"{wrong:,} of {several(count, 'line')} held no event that the run knows; mend them.")


def events() -> Iterator[str]:
    """Read lines of stdin in UTF-8, with or without a byte order mark; what is not UTF-8 is no known id."""
    # One that was closed is None.
    for raw in sys.stdin.buffer if sys.stdin else ():
        yield raw.decode("utf-8", "replace").removeprefix("\ufeff")


def line(one: "Answer", as_json: bool) -> str:
    """Write an answer as a line."""
    if not as_json:
        return f"{shown(one.user)}\t{','.join(shown(str(item)) for item in one.items)}"
    content = {"user": one.user, "items": one.items, "scores": one.scores}
    return json.dumps(content | ({"error": one.error} if one.error else {}), default=str)


def show(rows: list[dict[str, Any]], seen: str) -> None:
    """Print a line an item."""
    lines = [[row["history"], row["rank"], row["item"], row["title"] or "", f"{row['score']:.3f}"] for row in rows]
    left = "Items of the history are left out." if seen == "remove" else "Items of the history may come again."
    console.table("Recommended", ["for", "rank", "item", "title", "score"], lines, left)
