"""What the MovieLens data sets share: where they are, on which terms, and how they are read."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from linrec_cli.datasets._archive import unpacked

PREFIX = "https://files.grouplens.org/datasets/movielens/"
LICENSE = "research use, not to be passed on"
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. doi:10.1145/2827872"
)
RATINGS = {"user": pl.Int64, "item": pl.Int64, "rating": pl.Float64, "time": pl.Int64}
FILMS: dict[str, pl.DataType] = {"item": pl.Int64(), "title": pl.String(), "genres": pl.List(pl.String)}
NO_GENRES = "(no genres listed)"
RATINGS_CSV = """userId,movieId,rating,timestamp
7,11,5.0,1140000003
7,12,3.5,1140000002
9,13,4.0,1140000001
"""
MOVIES_CSV = """movieId,title,genres
13,Third Try (1995),Action|Drama
11,"Quiet Harbour, The (1994)",Drama
12,Bleu (Blé) (1994),(no genres listed)
"""


def ratings(path: Path, folder: str) -> pl.LazyFrame:
    """Scan `ratings.csv` of ml-20m and later."""
    file = unpacked(path, f"{folder}/ratings.csv")
    return pl.scan_csv(file, has_header=False, skip_rows=1, schema=RATINGS, quote_char=None, glob=False)


def movies(path: Path, folder: str) -> pl.LazyFrame:
    """Scan the titles and genres in `movies.csv` of ml-20m and later."""
    file = unpacked(path, f"{folder}/movies.csv")
    rows = pl.scan_csv(file, has_header=False, skip_rows=1, schema=FILMS | {"genres": pl.String()}, glob=False)
    listed = pl.element().filter(pl.element() != NO_GENRES)
    return rows.with_columns(pl.col("genres").str.split("|").list.eval(listed))


def tabbed(content: str, header: bool) -> pl.LazyFrame:
    """Read `user item rating time`, tab-separated."""
    # The header, where there is one, has names of its own; ours go by the place of the column.
    table = pl.read_csv(
        content.encode(),
        has_header=False,
        skip_rows=int(header),
        schema=RATINGS,
        separator="\t",
        quote_char=None,
    )
    return table.lazy()


def films(content: str, separator: str, genres: Callable[[list[str]], list[str]]) -> pl.LazyFrame:
    """Read the titles and genres in `item<separator>title<separator>...`, where a title may hold any other sign.

    Args:
        genres: picks the genres out of the fields of a line.
    """
    # Not `splitlines`, to which a sign of a title may be the end of a line.
    rows = [line.rstrip("\r").split(separator) for line in content.split("\n") if line.strip()]
    return pl.LazyFrame([(int(row[0]), row[1], genres(row)) for row in rows], schema=FILMS, orient="row")
