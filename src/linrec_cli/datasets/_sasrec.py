"""What the Amazon data sets share: the files that SASRec's authors keep beside their code."""

from pathlib import Path

import polars as pl

PREFIX = "https://raw.githubusercontent.com/kang205/SASRec/e3738967fddab206d6eeb4fda433e7a7034dd8b1/data/"
LICENSE = "none stated by the publisher"
CITATION = (
    "Julian McAuley, Christopher Targett, Qinfeng Shi and Anton van den Hengel. 2015. Image-based "
    "Recommendations on Styles and Substitutes. SIGIR 2015. arXiv:1506.04757; as filtered for: Wang-Cheng "
    "Kang and Julian McAuley. 2018. Self-Attentive Sequential Recommendation. ICDM 2018. arXiv:1808.09781"
)
ROWS = "1 1\n1 2\n2 1\n"


def ordered(path: Path) -> pl.LazyFrame:
    """Scan `user item`, with the number of the row for the time."""
    schema = {"user": pl.Int64, "item": pl.Int64}
    rows = pl.scan_csv(path, separator=" ", has_header=False, schema=schema, row_index_name="time", glob=False)
    return rows.select("user", "item", pl.col("time").cast(pl.Int64))
