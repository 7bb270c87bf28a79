"""MovieLens 32M: 32,000,204 ratings by 200,948 users, 1995-2023."""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets import _movielens

SOURCES = (
    Source(
        f"{_movielens.PREFIX}ml-32m.zip",
        "md5:d472be332d4daa821edc399621853b57",
        238950008,
    ),
)
LICENSE, CITATION = _movielens.LICENSE, _movielens.CITATION
EXAMPLE = {
    "ml-32m.zip": {"ml-32m/ratings.csv": _movielens.RATINGS_CSV, "ml-32m/movies.csv": _movielens.MOVIES_CSV},
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the ratings."""
    return _movielens.ratings(path, "ml-32m")


def items(path: Path) -> pl.LazyFrame:
    """Scan the titles and genres of the films."""
    return _movielens.movies(path, "ml-32m")
