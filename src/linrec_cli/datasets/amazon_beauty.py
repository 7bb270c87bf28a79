"""Amazon Beauty: who reviewed which cosmetics up to 2014.

The copy is SASRec's: each user's rows are in the order of time, but the times themselves were left out, so
`time` is the number of the row and nothing can be told of the order between users: a global time split has no
meaning here.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets import _sasrec

SOURCES = (
    Source(
        f"{_sasrec.PREFIX}Beauty.txt",
        "sha256:3cd3d56cee682f5118f22d0443d5d27116075c719ec83bfdfa3e45df33a95e12",
        4538161,
    ),
)
LICENSE, CITATION = _sasrec.LICENSE, _sasrec.CITATION
TIMED = False
EXAMPLE = {"Beauty.txt": {"": _sasrec.ROWS}}


def read(path: Path) -> pl.LazyFrame:
    """Scan the rows."""
    return _sasrec.ordered(path)
