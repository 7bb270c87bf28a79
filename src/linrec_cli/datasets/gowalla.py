"""Gowalla: 6,442,890 check-ins by 107,092 users at places, 2009-10; an item is a place.

The file has each user's rows newest first; they are turned round, so that a stable sort by time keeps their
order.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source

SOURCES = (
    Source(
        "https://snap.stanford.edu/data/loc-gowalla_totalCheckins.txt.gz",
        "md5:8ebd5ed2dd376d8982987c49429cb9f9",
        105470044,
    ),
)
LICENSE = "none stated by the publisher"
CITATION = (
    "Eunjoon Cho, Seth A. Myers and Jure Leskovec. 2011. Friendship and Mobility: User Movement in "
    "Location-Based Social Networks. KDD 2011. doi:10.1145/2020408.2020579"
)
EXAMPLE = {
    "loc-gowalla_totalCheckins.txt.gz": {
        "": "7\t2010-05-03T03:00:00Z\t10.5\t-20.5\t11\n"
        "7\t2010-05-02T02:00:00Z\t10.5\t-20.5\t12\n"
        "9\t2010-05-01T01:00:00Z\t10.5\t-20.5\t13\n"
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the check-ins, oldest first; latitude and longitude are left."""
    schema = {"user": pl.Int64, "time": pl.String, "lat": pl.String, "lon": pl.String, "item": pl.Int64}
    rows = pl.scan_csv(path, separator="\t", has_header=False, schema=schema, quote_char=None, glob=False)
    when = pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.epoch("s")
    return rows.select("user", "item", when).reverse()
