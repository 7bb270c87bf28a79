"""One run, one folder: `results/runs/<what-it-was>-<digest>/`, each file written whole or not at all."""

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli import seal
from linrec_cli.declared import mistyped
from linrec_cli.disk import read_toml, sealed_toml, whole
from linrec_cli.errors import DataError, UsageError
from linrec_cli.refusals import reading
from linrec_cli.results import schema
from linrec_cli.settings import BESIDE, KINDS, Train, from_stored, setup, strange

TABLE, SETTINGS, RANKS = "table.parquet", "settings.toml", "ranks.parquet"
NEUTRAL = {"objective": "next", "loss": "cross-entropy"}
"""How all models were trained before there was a choice."""
YEARS = (-62_135_596_800_000, 253_402_300_799_999)
"""Milliseconds since 1970 of the first and the last moment that Python can tell."""


def folder(results_dir: Path, run: str) -> Path:
    """Name the folder of a run; it need not exist."""
    return results_dir / "runs" / run


def write_frame(frame: pl.DataFrame, path: Path, **more: str) -> None:
    """Write a frame as Parquet with its digest; `more` is what else the file says."""
    with whole(path) as part:
        frame.write_parquet(part, metadata={"seal": seal.BLANK, **more})
        seal.seal(part)


def write_text(text: str, path: Path) -> Path:
    """Write a text in UTF-8."""
    with whole(path) as part:
        part.write_text(text, "utf-8")
    return path


def write_settings(settings: Mapping[str, Any], path: Path) -> None:
    """Write settings as TOML; what is None is left out."""
    write_text(sealed_toml(settings), path)


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings of a run.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    try:
        found = read_toml(path)
        if wrong := mistyped(found, KINDS, BESIDE):
            raise ValueError(f"{', '.join(wrong)}: of another type than it has")
        return found
    except FileNotFoundError:
        if (path.parent / TABLE).is_file():
            raise DataError(f"{path} is gone, which says how the run was made; put it back, or train again.") from None
        raise DataError(f"no run at {path.parent}; `ls {path.parent.parent}` shows the runs there are.") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read ({error}); make the run again, a training with --fresh.") from None


def read(results_dir: Path) -> pl.DataFrame:
    """Read every run's table below a results folder (or below a run's own folder) as one; a copy of a run adds nothing.

    Raises:
        DataError: there is no table.
    """
    paths = tables(results_dir)
    if not paths:
        raise DataError(f"no results in {results_dir}; run `linrec train` or `linrec profile` first.")
    every = pl.concat([read_table(path) for path in paths], how="vertical")
    # A list cannot be a key; what it holds comes to the value beside it.
    return every.unique([name for name, kind in every.schema.items() if kind != pl.List], maintain_order=True)


def tables(results_dir: Path) -> list[Path]:
    """List the tables of a results folder, and not of others that lie within; of any other folder all below it."""
    return sorted(results_dir.glob(f"runs/*/{TABLE}")) or sorted(results_dir.glob(f"**/{TABLE}"))


def read_table(path: Path) -> pl.DataFrame:
    """Read one table; what a newer or older linrec wrote otherwise is brought to the schema.

    Raises:
        DataError: it cannot be read, or is none of linrec's.
    """
    frame = read_frame(path)
    if lacking := [name for name in schema.NEEDED if name not in frame.columns]:
        raise DataError(f"{path} is no table of linrec, it lacks {', '.join(lacking)}; delete that run.")
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(kind, strict=False)
        for name, kind in schema.COLUMNS.items()
    ]
    # What is no number is told as such: nothing could be drawn or compared otherwise.
    bad = (~pl.col("value").is_finite()).fill_null(False)
    try:
        cast = frame.select(columns)
    except pl.exceptions.PolarsError as error:
        why = str(error).partition("\n")[0]
        raise DataError(f"{path} is no table of linrec ({why}); delete that run.") from None
    # Beyond what Python has of years there are no days.
    day = pl.col("created").dt.epoch("ms").is_between(*YEARS)
    whole = cast.with_columns(
        pl.when(day).then("created"),
        *(pl.when(pl.col(name).is_finite()).then(name) for name in ("value", "low", "high")),
        status=pl.when(bad).then(pl.lit("error").cast(schema.COLUMNS["status"])).otherwise("status"),
        note=pl.when(bad).then(pl.lit("not a number")).otherwise("note"),
    )
    if lack := schema.lacking(whole):
        raise DataError(f"{path} is no table of linrec: {lack}; delete that run.")
    return told(whole, path.with_name(SETTINGS))


def told(frame: pl.DataFrame, settings: Path) -> pl.DataFrame:
    """Write into the rows of a training or an evaluation what an older linrec did not, or wrote otherwise.

    The setup is digested anew: rows of equal settings share it, whichever linrec wrote them.
    """
    made = pl.col("command").is_in(("train", "evaluate"))
    filled = {
        name: pl.when(made).then(pl.col(name).fill_null(value)).otherwise(name) for name, value in NEUTRAL.items()
    }
    # Settings that are not there, are damaged or of a newer linrec leave the rows as they are.
    with suppress(DataError, UsageError, TypeError, ValueError):
        if not strange(stored := read_settings(settings)):
            own = setup(from_stored(Train, stored))
            filled["setup"] = pl.when(made).then(pl.lit(own)).otherwise("setup")
    return frame.with_columns(**filled)


def read_ranks(path: Path) -> pl.DataFrame:
    """Read ranks, a target a row: `stage`, `user`, `rank`; once they were a stage a column, or of one stage alone.

    Raises:
        DataError: they cannot be read, or are none.
    """
    frame = read_frame(path)
    try:
        if "rank" not in frame.columns:
            frame = frame.unpivot(index="user", variable_name="stage", value_name="rank")
        if "stage" not in frame.columns:
            frame = frame.with_columns(stage=pl.lit(read_settings(path.with_name(SETTINGS)).get("stage")))
        found = frame.select(pl.col("stage").cast(pl.String), "user", "rank")
    except pl.exceptions.PolarsError as error:
        why = str(error).partition("\n")[0]
        raise DataError(f"{path} holds no ranks ({why}); delete that run and make it again.") from None
    ranked = found["rank"].dtype.is_numeric() and found["rank"].is_between(1, math.inf, closed="left").all()
    if sum(found.null_count().row(0)) or not (ranked and found["user"].dtype.is_integer()):
        raise DataError(f"{path} holds ranks that are none; delete that run and make it again.")
    return found


def read_frame(path: Path) -> pl.DataFrame:
    """Read a Parquet file.

    Raises:
        DataError: it cannot be read, or changed since it was written.
    """
    way_out = "delete that run and make it again"
    try:
        seal.check(path)
        with reading(path, way_out):
            # A name may hold what polars would take for a pattern.
            return pl.read_parquet(path, glob=False)
    except OSError as error:
        # Polars' own say why in their text alone.
        why = error.strerror or str(error).partition(" (os error")[0]
        raise DataError(f"{path} cannot be read: {why}; mend that, or name another folder.") from None
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}); {way_out}.") from None
