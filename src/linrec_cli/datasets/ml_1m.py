"""MovieLens 1M: 1,000,209 ratings by 6,040 users of 3,706 films, 2000-03."""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets import _movielens
from linrec_cli.datasets._archive import text

SOURCES = (
    Source(
        f"{_movielens.PREFIX}ml-1m.zip",
        "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        5917549,
    ),
)
INSTEAD = "ml-1m-ncf"
LICENSE, CITATION = _movielens.LICENSE, _movielens.CITATION
EXAMPLE = {
    "ml-1m.zip": {
        "ml-1m/ratings.dat": "7::11::5::970000001\n7::12::3::970000002\n9::13::5::970000003\n",
        "ml-1m/movies.dat": "12::Blé: Episode I (1977)::Drama\n11::Quiet Harbour, The (1975)::Action|Drama\n",
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Read the ratings; to a reader of one-sign separators each `::` is an empty column between two `:`."""
    columns = ["user", "a", "item", "b", "rating", "c", "time"]
    table = pl.read_csv(
        text(path, "ml-1m/ratings.dat").encode(),
        separator=":",
        has_header=False,
        new_columns=columns,
        quote_char=None,
    )
    return table.lazy().select(pl.col(name).cast(kind) for name, kind in _movielens.RATINGS.items())


def items(path: Path) -> pl.LazyFrame:
    """Read the titles and genres of the films."""
    return _movielens.films(text(path, "ml-1m/movies.dat", "latin-1"), "::", lambda row: row[-1].split("|"))
