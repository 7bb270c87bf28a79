"""Texts that hold several items: a history in one field, each item in its place."""

import re

import polars as pl

from linrec_cli.data.file.columns import plain
from linrec_cli.data.file.delimited import Content
from linrec_cli.errors import DataError

BRACKETS = r"^\s*[\[({].*[\])}]\s*$"
BETWEEN = r"[\s,;|]"
NUMBERS = r"^\d+([\s,;|]+\d+)*$"
SEVERAL = {"items", "itemids", "itemlist", "itemidlist", "itemsequence", "itemseq", "history"}
"""Names of columns of histories."""
SINGLE = {"item", "itemid", "iid"}


def means(name: str) -> bool:
    """Tell whether a column is called one of histories: `item_id_list:token_seq`."""
    return plain(name) in SEVERAL or bool(re.search(r":\w+_seq$", name))


def check(header: list[str], shown: str) -> None:
    """Refuse a file that has a history and, beside it, the item after it: what trainers of other tools are given.

    Raises:
        DataError: it is one.
    """
    several = [name for name in header if means(name)]
    single = [name for name in header if plain(name) in SINGLE]
    if several and single:
        raise DataError(
            f"{shown}: each row holds a history ({several[0]}) and the item after it ({single[0]}), so that events "
            "stand in many rows; give the events themselves, one a row."
        )


def laid_out(content: Content, name: str, shown: str) -> Content:
    """Lay histories out, an item a row; what holds one item a row stays as it is.

    Raises:
        DataError: what looks like histories may be names of several words, or the times are not those of the items.
    """
    frame = content.frame
    if frame["item"].dtype not in (pl.String, pl.Categorical) or not several(frame["item"], name, shown):
        return content
    columns = [column for column in ("item", "time") if column in frame.columns]
    split = [fields(frame[column].cast(pl.String)).alias(column) for column in columns]
    lengths = [one.list.len() for one in split]
    if any(not length.equals(lengths[0]) for length in lengths[1:]):
        raise DataError(f"{shown}: {name} holds histories, and the times are not one for each item; give --time none.")
    made = frame.with_columns(split).filter(lengths[0] > 0).explode(columns)
    # Texts that many rows have; users may be numbers or bytes, and are read later.
    words = [column for column in ("user", "item") if made[column].dtype == pl.String]
    return Content(made.with_columns(pl.col(words).cast(pl.Categorical)), content.faults)


def fields(texts: pl.Series) -> pl.Series:
    """Split `[1, 2]`, `1 2` and `'a', 'b'` at commas and blanks."""
    bare = texts.str.replace_all(r"[\[\](){}'\"]", " ").str.replace_all(r"[\s,;|]+", " ").str.strip_chars()
    return bare.str.split(" ").list.filter(pl.element() != "")


def several(items: pl.Series, name: str, shown: str) -> bool:
    """Tell whether a column holds histories.

    Raises:
        DataError: it is called so, and may hold names of several words.
    """
    distinct = items.unique().drop_nulls().cast(pl.String).str.strip_chars()
    if name.endswith("_seq") or (len(distinct) > 0 and distinct.str.contains(BRACKETS).all()):
        return True
    parted = distinct.filter(distinct.str.contains(BETWEEN)) if means(name) else distinct.clear()
    if len(parted) and not distinct.str.contains(NUMBERS).all():
        raise DataError(
            f"{shown}: does {name} hold one item a row or several ({parted[0]!r})? Write several as [a, b], or call "
            "the column item."
        )
    return len(parted) > 0
