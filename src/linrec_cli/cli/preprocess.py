"""`linrec preprocess`: make a data set ready, and say how far its numbers can be trusted."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli.cli import console, options
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.data.prepare import Prepared

COLUMNS, FILTER, AGAIN = "Columns of a file", "What is kept", "How it is done"

HELP = """Filter, number and order a data set, or a file of your own; say what is in it.

[bold]Examples[/bold]

  linrec preprocess ml-1m
  linrec preprocess ml-100k --min-user 0 --min-item 0
  linrec preprocess logs.csv --user customer --item sku --time date
  linrec preprocess synthetic:users=500:lag=80 --json

A file is CSV, TSV, RecBole's .inter (each also as .gz) or Parquet; its
columns are recognised by their usual names. A data set that is not there
yet is fetched. train and evaluate prepare by themselves; this shows what.
"""

SPREAD = {
    "min": "min",
    "p5": "5 %",
    "p25": "25 %",
    "median": "median",
    "p75": "75 %",
    "p95": "95 %",
    "max": "max",
}

REACH = {
    "best_recall_at_10": "the pairs and the whole history",
    "last_50_recall_at_10": "the pairs and the last 50 events",
    "first_order_recall_at_10": "the pairs and the last event",
}

Data = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help="A data set, synthetic:key=value:..., or the path of a file."),
]
MinUser = Annotated[
    int,
    typer.Option("--min-user", min=0, rich_help_panel=FILTER, help="Drop users with fewer events; 0 keeps all."),
]
MinItem = Annotated[
    int,
    typer.Option("--min-item", min=0, rich_help_panel=FILTER, help="Drop items with fewer events; 0 keeps all."),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", rich_help_panel=FILTER, help="Leave malformed rows of a file out.")
]
User = Annotated[
    str | None, typer.Option("--user", metavar="NAME", rich_help_panel=COLUMNS, help="Column of the user.")
]
Item = Annotated[
    str | None, typer.Option("--item", metavar="NAME", rich_help_panel=COLUMNS, help="Column of the item.")
]
Time = Annotated[
    str | None, typer.Option("--time", metavar="NAME", rich_help_panel=COLUMNS, help="Column of the time.")
]
Fresh = Annotated[bool, typer.Option("--fresh", rich_help_panel=AGAIN, help="Prepare anew what was prepared before.")]


def command(
    data: Data = Train.data,
    min_user: MinUser = Train.min_user,
    min_item: MinItem = Train.min_item,
    user: User = None,
    item: Item = None,
    time: Time = None,
    skip_bad: SkipBad = False,
    fresh: Fresh = False,
    json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
) -> None:
    """Prepare the data set and show its card."""
    from linrec_cli.data.store import open_prepared

    made = open_prepared(
        data,
        data_dir,
        min_user=min_user,
        min_item=min_item,
        user=user,
        item=item,
        time=time,
        skip_bad=skip_bad,
        fresh=fresh,
        report=console.say,
    )
    if json:
        console.document({**made.card, "folder": made.folder})
    else:
        show(made)


def show(made: "Prepared") -> None:
    """Print what is in a prepared data set, how long its histories are, and what to know before comparing."""
    card = made.card
    title = f"{made.name}: at least {card['min_user']} events a user, {card['min_item']} an item"
    counts = [card[name] for name in ("rows_read", "rows_dropped", "interactions", "users", "items")]
    names = ("rows read", "dropped", "interactions", "users", "items", "digest")
    console.table(title, names, [[*map(counted, counts), made.digest]])
    lengths = [counted(card["lengths"][name]) for name in SPREAD]
    console.table("Events per user", list(SPREAD.values()), [lengths])
    if "best_recall_at_10" in card:
        dropped = " Filtering dropped some: --min-user 0 --min-item 0 keeps them exact." if card["rows_dropped"] else ""
        reached = [(f"{card[name]:.4f}", by) for name, by in REACH.items()]
        console.table("Recall@10 on the test items", ("at most", "by who knows"), reached, f"In closed form.{dropped}")
    console.table("Before comparing", ("share", "of", ""), warnings(card), caption=f"In {made.folder}")


def warnings(card: dict[str, Any]) -> list[tuple[str, str, str]]:
    """List what makes figures incomparable: ties, leakage, repeats, users too short to split."""
    users, events = f"{card['users']:,} users", f"{card['interactions']:,} events"
    neighbours = f"{counted(card['neighbours'])} neighbours"
    return [
        (share(card["tied_neighbours_share"]), neighbours, "at the same time"),
        (share(card["tied_last_share"]), users, "whose last event ties with the one before"),
        (share(card["leak_share"]), "leave-one-out tests", "before the end of others' training"),
        (share(card["duplicates"] / card["interactions"]), events, "of an item the user had before"),
        (share(card["too_short"] / card["users"]), users, "with fewer than 3 events, never split"),
    ]


def share(value: float | str) -> str:
    """Write a share for a person; one that there is not as a dash."""
    return "–" if isinstance(value, str) else f"{100 * value:.1f} %"


def counted(value: int | str) -> str:
    """Write a count for a person; one that there is not as a dash."""
    return "–" if isinstance(value, str) else f"{value:,}"
