"""The files that a source means: one, several named with commas, a pattern, or a folder of parts."""

import glob
from pathlib import Path

from linrec_cli.errors import DataError
from linrec_cli.names import shown
from linrec_cli.refusals import odd


def files(source: str) -> list[Path]:
    """List the files of a source, in the order of their names; a name that exists is never taken as a pattern.

    Raises:
        DataError: there is none, or one has a name that is not in UTF-8.
    """
    paths = found(source)
    if strange := next(filter(odd, paths), None):
        raise DataError(f"the name {shown(str(strange))} is not in UTF-8; rename it.")
    return paths


def found(source: str) -> list[Path]:
    """List them, whatever they are called.

    Raises:
        DataError: there is none.
    """
    path = Path(source)
    if path.is_dir():
        inside = sorted(one for one in path.rglob("*") if one.is_file() and not aside(one.relative_to(path)))
        if not inside:
            raise DataError(f"the folder {path} holds no file; check the path.")
        return inside
    if path.is_file():
        return [path]
    several = [Path(part.strip()) for part in source.split(",")]
    if len(several) > 1 and all(one.is_file() for one in several):
        return several
    matched = sorted(Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file())
    if not matched:
        raise DataError(f"there is no file {shown(source)}; check the path.")
    return matched


def aside(path: Path) -> bool:
    """Tell whether a file of a folder is none of its parts: what Spark and file systems leave beside them."""
    return any(part.startswith((".", "_")) for part in path.parts) or path.suffix == ".crc"
