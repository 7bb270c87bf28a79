"""Last.fm 1K: 19,150,868 songs played by 992 users, up to May 2009; an item is an artist and the name of a
track.

Tracks have names for sure and MusicBrainz ids only at times, so the item is `artist - track`; the same
recording under two spellings is two items. Each user's rows are newest first; they are turned round, so that
a stable sort by time keeps their order. A few names hold a tab and are cut there.
"""

from pathlib import Path

import polars as pl

from linrec_cli.data.download.source import Source
from linrec_cli.datasets._archive import unpacked

SOURCES = (
    Source(
        "https://zenodo.org/records/6090214/files/lastfm-dataset-1K.tar.gz",
        "md5:a79a6808f54f73354789a9fb02cb1e41",
        about=673_000_000,
    ),
)
LICENSE = "non-commercial use"
CITATION = "Oscar Celma. 2010. Music Recommendation and Discovery in the Long Tail. Springer."
MEMBER = "userid-timestamp-artid-artname-traid-traname.tsv"
EXAMPLE = {
    "lastfm-dataset-1K.tar.gz": {
        f"lastfm-dataset-1K/{MEMBER}": 'user_000001\t2009-05-04T03:00:00Z\t00000001\tDéjà\t\tOne "Song\n'
        "user_000001\t2009-05-04T02:00:00Z\t00000001\tDéjà\ta1\tTwo\n"
        "user_000002\t2009-04-08T01:00:00Z\t\tQuiet Harbour\t\tOne\n"
    }
}


def read(path: Path) -> pl.LazyFrame:
    """Scan the plays, oldest first."""
    names = ("user", "time", "artist_id", "artist", "track_id", "track")
    rows = pl.scan_csv(
        unpacked(path, MEMBER),
        separator="\t",
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        quote_char=None,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        glob=False,
    )
    item = pl.format("{} - {}", pl.col("artist").fill_null(""), pl.col("track").fill_null("")).alias("item")
    return rows.select("user", item, pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.epoch("s")).reverse()
