"""What the name of a log ends in, as far as names tell."""

import re
from pathlib import Path

TEXT = (".csv", ".tsv", ".txt", ".inter", ".dat", ".data", ".json", ".jsonl", ".ndjson", ".log")
PARQUET = (".parquet", ".pq")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
SUFFIXES = (*TEXT, *PARQUET, *PACKED)
"""A source that ends in one of these is a file, though it may not be there."""


def is_file(source: str) -> bool:
    """Tell whether `source` means files: it is there, names a pattern or several, or ends as one that can be read."""
    if source.lower().endswith(SUFFIXES) or Path(source).exists():
        return True
    return bool(re.search(r"[*?\[]", source)) or "/" in source


def stem(source: str) -> str:
    """Name files without what they end in: `logs.tsv.gz` is `logs`; a pattern by what is plain of it or its folders."""
    folders = (Path.cwd() / source.partition(",")[0]).parts
    return next(filter(None, map(plain, reversed(folders))), "data")


def plain(name: str) -> str:
    """Take what a name says besides its ends and the signs of a pattern."""
    while suffix := next((s for s in SUFFIXES if name.lower().endswith(s) and len(name) > len(s)), ""):
        name = name[: -len(suffix)]
    return re.sub(r"[*?\[\]]+", "", name).strip("-_. /\\")
