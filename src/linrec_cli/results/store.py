"""One run, one folder: `results/runs/<what-it-was>-<digest>/`, each file written whole or not at all."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli.errors import DataError
from linrec_cli.results import schema

TABLE, SETTINGS = "table.parquet", "settings.toml"


def folder(results_dir: Path, run: str) -> Path:
    """Name the folder of a run; it need not exist."""
    return results_dir / "runs" / run


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`, to be written, and rename it if all went well.

    Raises:
        DataError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; free or choose another place.") from None


def write_frame(frame: pl.DataFrame, path: Path) -> Path:
    """Write a frame as Parquet."""
    with whole(path) as part:
        frame.write_parquet(part)
    return path


def write_text(text: str, path: Path) -> Path:
    """Write a text in UTF-8."""
    with whole(path) as part:
        part.write_text(text, "utf-8")
    return path


def write_settings(settings: Mapping[str, Any], path: Path) -> Path:
    """Write settings as TOML: a key a line; what is None is left out."""
    return write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items() if value is not None), path
    )


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings of a run.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"no run at {path.parent}; `ls {path.parent.parent}` shows the runs there are.") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read ({error}); make the run again, a training with --fresh.") from None


def read(results_dir: Path) -> pl.DataFrame:
    """Read every run's table below a results folder (or below a run's own folder) as one.

    Raises:
        DataError: there is no table.
    """
    paths = sorted(results_dir.glob(f"runs/*/{TABLE}")) or sorted(results_dir.glob(f"**/{TABLE}"))
    if not paths:
        raise DataError(f"no results in {results_dir}; run `linrec train` or `linrec profile` first.")
    frames = [read_table(path) for path in paths]
    return pl.concat(frames, how="vertical")


def read_table(path: Path) -> pl.DataFrame:
    """Read one table; columns that a newer or older linrec wrote otherwise are brought to the schema.

    Raises:
        DataError: it cannot be read, or is none of linrec's.
    """
    try:
        frame = pl.read_parquet(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; mend that, or name another folder.") from None
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} cannot be read ({error}); delete that run and make it again.") from None
    if lacking := [name for name in schema.NEEDED if name not in frame.columns]:
        raise DataError(f"{path} is no table of linrec, it lacks {', '.join(lacking)}; delete that run.")
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(kind, strict=False)
        for name, kind in schema.COLUMNS.items()
    ]
    # What is no number is told as such: nothing could be drawn or compared otherwise.
    bad = pl.col("value").is_nan().fill_null(False)
    return frame.select(columns).with_columns(
        pl.col("value", "low", "high").fill_nan(None),
        status=pl.when(bad).then(pl.lit("error").cast(schema.COLUMNS["status"])).otherwise("status"),
        note=pl.when(bad).then(pl.lit("not a number")).otherwise("note"),
    )
