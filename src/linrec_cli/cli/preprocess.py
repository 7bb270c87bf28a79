"""`linrec preprocess`: make a data set ready, and say how far its numbers can be trusted."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli.cli import console, options
from linrec_cli.errors import UsageError
from linrec_cli.names import several
from linrec_cli.settings import FEW_ITEMS, FEW_USERS, LEAST_REPEATED, MANY, Reading, Train

if TYPE_CHECKING:
    from linrec_cli.data.prepare import Prepared

FILTER, AGAIN = "What is kept", "How it is done"

HELP = """Filter, number and order a data set, or a file of your own; say what is in it.

[bold]Examples[/bold]

  linrec preprocess ml-1m
  linrec preprocess ml-100k --min-user 0 --min-item 0
  linrec preprocess logs.csv --user customer --item sku --time date
  linrec preprocess ratings.dat --columns user,item,_,time
  linrec preprocess 'logs/*.csv.gz' --time day,hour --duplicates drop
  linrec preprocess synthetic:users=500:lag=80 --json

A file is text (CSV, TSV, RecBole's .inter, SASRec's lines, JSON lines) or
Parquet, packed or not; several files, a quoted pattern and a folder of
parts are one data set. Columns are recognised by their usual names; what
is not recognised is asked for, never guessed. A data set that is not there
yet is fetched. train and evaluate prepare by themselves; this shows what.
"""

NONE = "–"
COUNTS = {
    "rows read": "rows_read",
    "malformed": "rows_malformed",
    "dropped": "rows_dropped",
    "of them twice": "duplicates_removed",
    "interactions": "interactions",
    "users": "users",
    "items": "items",
}
"""Columns of what there is, and what they are called in a card."""
SELDOM = ("rows_malformed", "duplicates_removed")
"""Those that are shown where they count anything; malformed rows are none of those read."""
MANY_TWICE = 0.01
"""Share of events that stand twice from which on it is told."""

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
    typer.Argument(metavar="NAME|FILE", help="A data set, synthetic:key=value:..., or files."),
]
MinUser = Annotated[int, options.option(FILTER, "Drop users with fewer events; 0 keeps all.", min=0, max=MANY)]
MinItem = Annotated[int, options.option(FILTER, "Drop items with fewer events; 0 keeps all.", min=0, max=MANY)]
Trained = Annotated[str | None, options.option(FILTER, "Files to train on, of data that are split.", "--train")]
Fresh = Annotated[bool, options.option(AGAIN, "Prepare anew what was prepared before.", "--fresh")]


@options.of(Reading)
def command(
    data: Data = Train.data,
    *,
    min_user: MinUser = Train.min_user,
    min_item: MinItem = Train.min_item,
    train: Trained = None,
    fresh: Fresh = False,
    json: options.Json = False,
    data_dir: options.DataDir = options.DATASETS,
    **given: Any,
) -> None:
    """Prepare the data set and show its card."""
    from linrec_cli.data.store import open_prepared

    if train and data != Train.data:
        raise UsageError(f"--train {train} and {data} are two data sets; name one, and the files of its other parts.")
    how = asdict(Reading(**options.given(Reading, given)))
    minima = {"min_user": min_user, "min_item": min_item}
    made = open_prepared(train or data, data_dir, fresh=fresh, report=console.say, **minima, **how)
    if json:
        console.document({**made.card, "folder": made.folder})
    else:
        show(made)


def show(made: "Prepared") -> None:
    """Print what is in a prepared data set, how long its histories are, and what to know before comparing."""
    card = made.card
    title = f"{made.name}: at least {card['min_user']} events a user, {card['min_item']} an item"
    told = [(name, card[key]) for name, key in COUNTS.items() if key not in SELDOM or card.get(key)]
    names, counts = zip(*told, strict=True)
    console.table(title, [*names, "digest"], [[*map(counted, counts), made.digest]], filtered(card))
    lengths = [counted(card["lengths"][name]) for name in SPREAD]
    console.table("Events per user", list(SPREAD.values()), [lengths])
    if "best_recall_at_10" in card:
        dropped = " Filtering dropped some: --min-user 0 --min-item 0 keeps them exact." if card["rows_dropped"] else ""
        reached = [(f"{card[name]:.4f}", by) for name, by in REACH.items()]
        console.table("Recall@10 on the test items", ("at most", "by who knows"), reached, f"In closed form.{dropped}")
    where = f"{ordered(card)}{golds(card)} In {made.folder}"
    console.table("Before comparing", ("share", "of", ""), warnings(card), where)
    for role in ("user", "item"):
        for number in card[f"large_{role}s"]:
            console.say(large(made, role, number))
    if twice := doubled(card):
        console.say(twice)
    if against := card.get("parts_against_time"):
        come = f"{several(against, 'event')} {'comes' if against == 1 else 'come'}"
        console.say(f"{come} in a later part than one that happened later: the parts overlap in time")
    if card["items"] < FEW_ITEMS or card["users"] < FEW_USERS:
        there = f"{several(card['users'], 'user')} and {several(card['items'], 'item')}"
        console.say(f"hardly anything to tell models by: {there}")


def filtered(card: dict[str, Any]) -> str:
    """Say which users and items were left out, and why; empty where none was, or nobody counted them."""
    left = {role: card.get(f"{role}s_dropped", 0) for role in ("user", "item")}
    if not any(left.values()):
        return ""
    told = (f"{several(left[role], role)} with fewer than {card[f'min_{role}']} events" for role in left if left[role])
    return f"Left out until all have enough: {' and '.join(told)} (--min-user, --min-item)."


def ordered(card: dict[str, Any]) -> str:
    """Say what events are ordered by."""
    by = card.get("order") or ("time" if card["time"] == "given" else card["time"])
    return f"Ordered by {by}." if card["time"] == "given" else "No times: events are in the order of the file."


def golds(card: dict[str, Any]) -> str:
    """Say what it means that users come back to items, where they do."""
    share = card["repeat_share"]
    if isinstance(share, str) or share < LEAST_REPEATED:
        return ""
    return (
        f" {100 * share:.0f} % of the held-out items repeat: items of the history are ranked, not removed"
        " (--seen auto), and evaluate --by repeat tells new from repeated ones."
    )


def doubled(card: dict[str, Any]) -> str:
    """Say that many events stand twice, which makes a test easy; empty where few do."""
    twice = card.get("exact_duplicates")
    if not isinstance(twice, int) or twice < MANY_TWICE * card["interactions"]:
        return ""
    part = f"{100 * twice / card['interactions']:.0f} % of the events"
    return f"{part} stand twice, time and all, and a second one is no test; --duplicates drop keeps one of each."


def warnings(card: dict[str, Any]) -> list[tuple[str, str, str]]:
    """List what makes figures incomparable: ties, leakage, repeats, users too short to split."""
    users, events = several(card["users"], "user"), several(card["interactions"], "event")
    twice, pairs = card["exact_duplicates"], card["neighbours"]
    neighbours = "" if isinstance(pairs, str) else several(pairs, "neighbour")
    every = [
        (share(card["tied_neighbours_share"]), neighbours, "at the same time"),
        (share(card["tied_last_share"]), users, "whose last event ties with the one before"),
        (share(card["leak_share"]), "leave-one-out tests", "before the end of others' training"),
        (share(card["duplicates"] / card["interactions"]), events, "of an item the user had before"),
        (
            share(twice if isinstance(twice, str) else twice / card["interactions"]),
            events,
            "that stand twice, time and all",
        ),
        (share(card["repeat_share"]), "last two events of users", "of an item the user had before"),
        (share(card["too_short"] / card["users"]), users, "with fewer than 3 events, never split"),
    ]
    # Without times, or where nobody has three events, some are of nothing.
    return [line for line in every if line[0] != NONE]


def large(made: "Prepared", role: str, number: int) -> str:
    """Point at a user or an item that holds more events than one plausibly does."""
    table, column = (made.users, "length") if role == "user" else (made.items, "count")
    row = table.filter(table[role] == number).row(0, named=True)
    held = 100 * row[column] / made.card["interactions"]
    return f"{role} {row['raw']!r} holds {held:.0f} % of all events: does it stand for unknown ones?"


def share(value: float | str) -> str:
    """Write a share for a person; one that there is not as a dash."""
    return NONE if isinstance(value, str) else f"{100 * value:.1f} %"


def counted(value: int | str) -> str:
    """Write a count for a person; one that there is not as a dash."""
    return NONE if isinstance(value, str) else f"{value:,}"
