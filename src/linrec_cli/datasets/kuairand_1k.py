"""KuaiRand-1K: 1,000 users of a short-video app over one month, 11,713 events a user on average.

Every row of the two logs of ordinary recommendation is kept, clicked or not, in the order of the logs; the
log of videos shown at random is left out. A row that is cut short (one is known) is dropped. `time` is in
milliseconds.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets._archive import unpacked

SOURCES = (
    Source(
        "https://zenodo.org/records/10439422/files/KuaiRand-1K.tar.gz",
        "md5:6b0b9c8222d67fcd4c676218edca3f1f",
        about=1_100_000_000,
    ),
)
LICENSE = "CC BY-SA 4.0"
CITATION = (
    "Chongming Gao, Shijun Li, Yuan Zhang, Jiawei Chen, Biao Li, Wenqiang Lei, Peng Jiang and Xiangnan He. "
    "2022. KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed Videos. CIKM 2022. "
    "doi:10.1145/3511808.3557624"
)
LOGS = ("data/log_standard_4_08_to_4_21_1k.csv", "data/log_standard_4_22_to_5_08_1k.csv")
HEADER = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n"
)
FLAGS = "1,0,0,0,0,0,1,175045,87433,0,0,0,0,1\n"
EXAMPLE = {
    "KuaiRand-1K.tar.gz": {
        f"KuaiRand-1K/{LOGS[1]}": f"{HEADER}7,12,20220422,800,1650585600123,{FLAGS}",
        f"KuaiRand-1K/{LOGS[0]}": f"{HEADER}7,11,20220408,1600,1649408000000,{FLAGS}9,12,20220409,900,"
        f"1649466000000,{FLAGS}7,17,2022",
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the logs of ordinary recommendation, the earlier first."""
    return pl.concat([log(unpacked(path, name)) for name in LOGS])


def log(path: Path) -> pl.LazyFrame:
    """Scan one log."""
    rows = pl.scan_csv(path, infer_schema=False, truncate_ragged_lines=True, quote_char=None, glob=False)
    columns = {"user_id": "user", "video_id": "item", "time_ms": "time"}
    return rows.select(pl.col(old).cast(pl.Int64, strict=False).alias(new) for old, new in columns.items()).drop_nulls()
