"""MovieLens 25M: 25,000,095 ratings by 162,541 users, 1995-2019."""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets import _movielens

SOURCES = (
    Source(
        f"{_movielens.PREFIX}ml-25m.zip",
        "sha256:8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
        261978986,
    ),
)
LICENSE, CITATION = _movielens.LICENSE, _movielens.CITATION
EXAMPLE = {
    "ml-25m.zip": {"ml-25m/ratings.csv": _movielens.RATINGS_CSV, "ml-25m/movies.csv": _movielens.MOVIES_CSV},
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the ratings."""
    return _movielens.ratings(path, "ml-25m")


def items(path: Path) -> pl.LazyFrame:
    """Scan the titles and genres of the films."""
    return _movielens.movies(path, "ml-25m")
