"""The files that a source means: one, several named with commas, a pattern, or a folder of parts."""

import glob
from pathlib import Path

from linrec_cli.errors import DataError


def files(source: str) -> list[Path]:
    """List the files of a source, in the order of their names; a name that exists is never taken as a pattern.

    Raises:
        DataError: there is none.
    """
    path = Path(source)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.is_file() and not aside(one.relative_to(path)))
        if not found:
            raise DataError(f"the folder {path} holds no file; check the path.")
        return found
    if path.is_file():
        return [path]
    several = [Path(part.strip()) for part in source.split(",")]
    if len(several) > 1 and all(one.is_file() for one in several):
        return several
    found = sorted(Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file())
    if not found:
        raise DataError(f"there is no file {source}; check the path.")
    return found


def aside(path: Path) -> bool:
    """Tell whether a file of a folder is none of its parts: what Spark and file systems leave beside them."""
    return any(part.startswith((".", "_")) for part in path.parts) or path.suffix == ".crc"
