"""What was drawn of some results before and is no longer drawn, removed."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from linrec_cli.disk import whole, writing

LIST = ".drawn.json"
"""Beside the figures: the stems of those that were drawn last, by the folder of results that they are of."""
SUFFIXES = ("png", "svg", "pdf", "csv", "txt")


def remove(folder: Path, results_dir: Path, stems: Iterable[str]) -> None:
    """Remove what an earlier call drew of the same results and this one did not, and note what this one did.

    Raises:
        DataError: something cannot be removed or written.
    """
    path, source = folder / LIST, os.path.relpath(results_dir, folder)
    known, stems = read(path), sorted({*stems})
    gone = sorted({*known.get(source, [])} - {*stems})
    for old in (folder / f"{stem}.{suffix}" for stem in gone for suffix in SUFFIXES):
        with writing(old):
            old.unlink(missing_ok=True)
    with whole(path) as part:
        part.write_text(json.dumps(known | {source: stems}, indent=0), "utf-8")


def read(path: Path) -> dict[str, list[str]]:
    """Read the list; of one that is none, nothing."""
    with suppress(OSError, ValueError):
        known = json.loads(path.read_text("utf-8"))
        if isinstance(known, dict):
            listed = {key: own for key, own in known.items() if isinstance(own, list)}
            return {key: [stem for stem in map(str, own) if Path(stem).name == stem] for key, own in listed.items()}
    return {}
