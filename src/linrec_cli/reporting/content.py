"""What a report says, whatever it is written in: parts with sentences, tables, figures and commands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from linrec_cli.analysis import quality, scaling, sentences
from linrec_cli.analysis import tables as summary
from linrec_cli.analysis.reading import read, whole
from linrec_cli.reporting import commands
from linrec_cli.runs.read import Run

if TYPE_CHECKING:
    from linrec_cli.figures.lengths import Drawn

MADE = ("command", "created", "device", "dtype", "threads", "torch", "linrec", "commit", "benchmark", "data_digest")
"""Columns that say where numbers came from."""


@dataclass(frozen=True)
class Table:
    """A table, its cells written out; `caption` says what its numbers are."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Part:
    """A part of a report, in the order it is shown."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: "Sequence[Drawn]" = ()
    commands: Sequence[str] = field(default=())


def parts(runs: Sequence[Run], table: pl.DataFrame, figures: "Sequence[Drawn]") -> Iterator[Part]:
    """Make the parts of a report on runs, their rows as one table, and the figures drawn from it."""
    profiles = latest([run for run in runs if run.command == "profile" and run.rows])
    trained = [drawn for drawn in figures if "train-" in drawn.stem]
    rest = [drawn for drawn in figures if drawn not in trained]
    said = [*quality.sentences(table), *headlines(profiles)]
    if said:
        yield Part("In short", said)
    tables = [Table(*one) for one in (*quality.trained(table), *quality.evaluated(table))]
    if tables:
        yield Part("Quality", tables=tables, figures=trained)
    if rest:
        yield Part("Time and memory", figures=rest)
    for run in profiles:
        yield profile(run, sum(other.settings == run.settings for other in runs))
    missing = dict.fromkeys(f"{run.name}: {text}" for run in runs for text in run.missing())
    yield Part("What is missing", [*missing] or ["Nothing."])
    yield Part("Where the numbers come from", tables=[origin(table)])
    yield Part("To make them again", commands=commands.commands(runs))


def latest(profiles: Sequence[Run]) -> list[Run]:
    """Keep of profiles with the same settings the last one."""
    last = {commands.frozen(run.settings): run for run in sorted(profiles, key=lambda run: run.created)}
    return [run for run in profiles if run is last[commands.frozen(run.settings)]]


def headlines(profiles: Sequence[Run]) -> Iterator[str]:
    """Write from which length on a mechanism is faster than the baseline, of each profile."""
    for run in profiles:
        for text in sentences.headlines(run.told):
            yield f"{text} ({made_with(run)})"


def profile(run: Run, count: int) -> Part:
    """Make the part of a profile: its tables, and how it scales."""
    rows = run.told
    measured = [row for row in rows if row["metric"] not in scaling.MADE]
    tables = []
    for one in summary.tables(whole(read(measured))):
        size = ", ".join(f"{name} {value}" for name, value in one.size.items() if value is not None)
        tables.append(Table(f"{one.phase}: {size}", one.columns, one.lines, f"Kernels: {one.kernels or 'none ran'}."))
    said = [*sentences.sentences(rows), *summary.notes(measured)]
    more = [f"The last of {count} runs; all are in the table."] if count > 1 else []
    return Part(f"Profile: {made_with(run)}", more + said, tables)


def made_with(run: Run) -> str:
    """Write what a batch of a profile holds, and where it ran."""
    tokens, batch = run.settings.get("tokens"), run.settings.get("batch")
    load = f"{tokens:,} tokens" if tokens else f"batch {batch:,}" if batch else "settings not known"
    return f"{load}, {run.rows[0]['device']}, threads {run.rows[0]['threads']}"


def origin(table: pl.DataFrame) -> Table:
    """Make the table of what made the numbers: a line for all runs that agree."""
    day = pl.col("created").dt.strftime("%Y-%m-%d")
    alike = [name for name in MADE if name != "created"]
    found = (
        table.with_columns(day=day)
        .group_by(alike, maintain_order=True)
        .agg(created=pl.format("{} to {}", pl.col("day").min(), pl.col("day").max()), runs=pl.col("run").n_unique())
        .drop_nulls("command")
    )
    columns = [*MADE, "runs"]
    lines = [["–" if cell is None else str(cell) for cell in row] for row in found.select(columns).iter_rows()]
    return Table("", columns, lines)
