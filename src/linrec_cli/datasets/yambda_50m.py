"""Yambda-50M: what 10,000 users of a music service listened to, organic and recommended alike.

Every row of `listens` is kept, however little of the track was played. `time` is in seconds, rounded to five,
from an origin that is not told; rows that share a time keep the order of the file.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source

SOURCES = (
    Source(
        "https://huggingface.co/datasets/yandex/yambda/resolve/main/flat/50m/listens.parquet",
        "sha256:eed9cbd094af1e189507d2f8132a0dc9653b90e65480125c7cdccd601e0592d1",
        369110332,
    ),
)
LICENSE = "Apache-2.0"
CITATION = (
    "A. Ploshkin et al. 2025. Yambda-5B: A Large-Scale Multi-modal Dataset for Ranking And Retrieval. arXiv:2505.22238"
)
EXAMPLE = {
    "listens.parquet": {
        "": "uid,timestamp,item_id,is_organic,played_ratio_pct,track_length_seconds\n"
        "7,5,11,0,95,165\n7,5,12,0,1,140\n9,10,13,1,100,205\n"
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the listens."""
    columns = {"uid": "user", "item_id": "item", "timestamp": "time"}
    return pl.scan_parquet(path, glob=False).select(
        pl.col(old).cast(pl.Int64).alias(new) for old, new in columns.items()
    )
