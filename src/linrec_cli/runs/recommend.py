"""What a trained run would recommend: to users of its data, or after any history of its items."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli.errors import DataError, UsageError
from linrec_cli.refusals import reading
from linrec_cli.runs.data import DATASETS, Dataset, Say, of_run
from linrec_cli.runs.evaluate import trained
from linrec_cli.runs.result import Result, read
from linrec_cli.settings import AUTO

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.data.sequences import Sequences

MANY = 100_000
"""Ids from which on no closest one is looked for."""


@dataclass(frozen=True)
class Served:
    """A model and the data it knows.

    Attributes:
        seen: whether items of the history are left out (`remove`) or not (`rank`).
    """

    found: Result
    data: Dataset
    seen: str


def opened(
    run: Path,
    seen: str = AUTO,
    *,
    device: str = "cpu",
    data_dir: Path = DATASETS,
    report: Say | None = None,
) -> Served:
    """Read a finished training and its data.

    Raises:
        DataError: the run is not finished, or its data are no longer there.
        UsageError: it is no training.
    """
    from linrec_cli import machine

    device = machine.device(device)
    stored = trained(run)
    data = of_run(stored, run, data_dir, report)
    found = read(run, data, device)
    return Served(found, data, data.as_trained(found.settings) if seen == AUTO else seen)


def recommend(
    served: Served,
    k: int = 10,
    *,
    users: Iterable[Any] | None = None,
    histories: Iterable[Sequence[Any]] | None = None,
) -> "pl.DataFrame":
    """Recommend to some users of the data after all that they had, or after histories of its items, or to all users.

    Args:
        users: raw ids, as in the data or as texts.
        histories: raw ids of items, oldest first, a history each.

    Returns:
        `history` (the user's raw id, or the number of the history from 1), `rank`, `item` (a raw id), `title`, `score`.

    Raises:
        UsageError: an id is not known; the message names the closest that is.
        DataError: a history is empty.
    """
    import polars as pl

    from linrec_cli.evaluation.top import top

    sequences, names = asked(served, users, histories)
    model, maxlen = served.found.model, served.found.settings.maxlen
    device = next(iter(model.state_dict().values())).device.type
    items, scores = top(model, sequences.to(device), maxlen, k, seen=served.seen)
    count = items.shape[1]
    table = pl.DataFrame({
        "history": names.gather(pl.Series(range(len(names))).repeat_by(count).explode()) if count else names.clear(),
        "rank": list(range(1, count + 1)) * len(names),
        "number": items.flatten().cpu().numpy().astype("uint32"),
        "score": scores.flatten().cpu().numpy(),
    })  # fmt: skip
    known = served.data.prepared.items.select(pl.col("item").cast(pl.UInt32).alias("number"), "raw", "title")
    made = table.filter(pl.col("number") > 0).join(known, "number", "left", maintain_order="left")
    return made.select("history", "rank", item="raw", title="title", score="score")


def users_of(path: Path, known: "pl.Series | None" = None) -> list[str]:
    """Read the ids of users from a CSV or Parquet file: its column of users, or the only one it has.

    Args:
        known: raw ids of users; what a CSV's only column is called may be the first of them.

    Raises:
        DataError: it cannot be read, or has no such column.
    """
    import polars as pl

    from linrec_cli.data.file.columns import NAMES, plain
    from linrec_cli.data.file.suffixes import PARQUET

    way_out = "give a CSV or Parquet file"
    try:
        with reading(path, way_out):
            frame = (
                pl.read_parquet(path, glob=False)
                if path.suffix.lower() in PARQUET
                else pl.read_csv(path, infer_schema=False, glob=False)
            )
    except OSError as error:
        raise DataError(f"{path} cannot be read ({str(error).splitlines()[0]}); {way_out}.") from None
    usual = {name for group in NAMES["user"] for name in group}
    column = next((name for name in frame.columns if plain(name) in usual), None)
    if column is None and frame.width == 1:
        column = frame.columns[0]
    if column is None:
        raise DataError(f"{path} has no column of users among {', '.join(frame.columns)}; call it user.")
    ids: list[str] = frame[column].drop_nulls().cast(pl.String).to_list()
    header = plain(column) in usual or known is None or not known.cast(pl.String).eq(column).any()
    first = [] if header else [column]
    return first + ids


def asked(
    served: Served, users: Iterable[Any] | None, histories: Iterable[Sequence[Any]] | None
) -> tuple["Sequences", "pl.Series"]:
    """Lay out the histories that are asked for, and name them.

    Raises:
        UsageError: an id is not known.
        DataError: a history is empty.
    """
    import polars as pl
    import torch

    from linrec_cli.data.sequences import Sequences

    prepared, all_of = served.data.prepared, served.data.sequences
    if histories is None:
        raw = prepared.users["raw"]
        rows = range(len(raw)) if users is None else numbers(users, raw, "user")
        own = [slice(*all_of.offsets[row : row + 2].tolist()) for row in rows]
        parts = [all_of.flat[events] for events in own]
        when = [] if all_of.times is None else [all_of.times[events] for events in own]
        names = raw.gather(list(rows)).alias("history")
    else:
        raw = prepared.items["raw"]
        when = []
        histories = list(histories)
        # All ids are looked up at once.
        places = numbers((one for history in histories for one in history), raw, "item")
        parts = list(torch.tensor(places, dtype=torch.int64).add(1).split(list(map(len, histories))))
        names = pl.Series("history", range(1, len(parts) + 1))
    lengths = torch.tensor([len(part) for part in parts], dtype=torch.int64)
    if not len(lengths) or not lengths.all():
        raise DataError("a history is empty; give at least one item.")
    offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    times = torch.cat(when) if when else None
    return Sequences(torch.cat(parts), offsets, all_of.count, torch.arange(1, len(lengths) + 1), times), names


def numbers(ids: Iterable[Any], raw: "pl.Series", role: str) -> list[int]:
    """Find the places of raw ids, given as they are or as texts.

    Raises:
        UsageError: one is not known.
    """
    import polars as pl

    # What is not UTF-8 is no known id.
    given = [str(one).strip().encode("utf-8", "backslashreplace").decode() for one in ids]
    known = pl.DataFrame({"id": raw.cast(pl.String), "place": pl.Series(range(len(raw)), dtype=pl.Int64)})
    found = pl.DataFrame({"id": given}, schema={"id": pl.String}).join(known, "id", "left", maintain_order="left")
    places = found["place"].to_list()
    for one, place in zip(given, places, strict=True):
        if place is None:
            hint = closest(one, known["id"].to_list())
            raise UsageError(f"no {role} '{one}' in the data of the run{hint}")
    return places


def closest(one: str, known: Collection[str]) -> str:
    """End a message about an unknown id: with the closest known one, unless there are very many, and their number."""
    close = difflib.get_close_matches(one, known, n=1) if len(known) <= MANY else []
    return f"; {f'did you mean {close[0]}? ' if close else ''}it knows {len(known):,} of them."
