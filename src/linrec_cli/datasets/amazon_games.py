"""Amazon Video Games: who reviewed which games up to 2014.

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
        f"{_sasrec.PREFIX}Video.txt",
        "sha256:b7376fe24430743f411dc7f567285657b2adb3f74361cc7ba0aee94f3024b651",
        3187124,
    ),
)
LICENSE, CITATION = _sasrec.LICENSE, _sasrec.CITATION
TIMED = False
EXAMPLE = {"Video.txt": {"": _sasrec.ROWS}}


def read(path: Path) -> pl.LazyFrame:
    """Scan the rows."""
    return _sasrec.ordered(path)
