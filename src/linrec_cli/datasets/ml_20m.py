"""MovieLens 20M: 20,000,263 ratings by 138,493 users, 1995-2015."""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets import _movielens

SOURCES = (
    Source(
        f"{_movielens.PREFIX}ml-20m.zip",
        "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        198702078,
    ),
)
LICENSE, CITATION = _movielens.LICENSE, _movielens.CITATION
EXAMPLE = {
    "ml-20m.zip": {"ml-20m/ratings.csv": _movielens.RATINGS_CSV, "ml-20m/movies.csv": _movielens.MOVIES_CSV},
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the ratings."""
    return _movielens.ratings(path, "ml-20m")


def items(path: Path) -> pl.LazyFrame:
    """Scan the titles and genres of the films."""
    return _movielens.movies(path, "ml-20m")
