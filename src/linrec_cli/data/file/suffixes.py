"""What the name of a file ends in, if it can be read."""

from pathlib import Path

TEXT = (".csv", ".tsv", ".txt", ".inter")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT), *PARQUET)


def is_file(source: str) -> bool:
    """Tell whether `source` means a file: it is there, or its name ends as one that can be read."""
    return source.lower().endswith(SUFFIXES) or Path(source).is_file()


def stem(path: Path) -> str:
    """Name a file without what it ends in: `logs.tsv.gz` is `logs`."""
    suffix = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len, default=path.suffix)
    return path.name[: len(path.name) - len(suffix)] or path.name
