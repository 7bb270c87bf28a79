"""What a report says, whatever it is written in: parts with sentences, tables, figures and commands."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from linrec_cli.analysis import quality, scaling, sentences, tables
from linrec_cli.analysis.origin import origins
from linrec_cli.analysis.reading import read, whole
from linrec_cli.reporting import commands
from linrec_cli.runs.read import Run
from linrec_cli.settings import Effort, Profile

if TYPE_CHECKING:
    from linrec_cli.plots.drawn import Drawn


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
    commands: Sequence[str] = ()


def parts(runs: Sequence[Run], table: pl.DataFrame, figures: "Sequence[Drawn]") -> Iterator[Part]:
    """Make the parts of a report on runs, their rows as one table, and the figures drawn from it."""
    profiles = latest([run for run in runs if run.command == "profile" and run.rows])
    trained = [drawn for drawn in figures if drawn.command == "train"]
    rest = [drawn for drawn in figures if drawn.command != "train"]
    said = [*quality.sentences(table), *headlines(run for run, _ in profiles)]
    if said:
        yield Part("In short", said)
    shown = [Table(*one) for one in (*quality.trained(table), *quality.evaluated(table))]
    if shown:
        yield Part("Quality", tables=shown, figures=trained)
    if rest:
        yield Part("Time and memory", figures=rest)
    yield from (profile(run, count) for run, count in profiles)
    missing = dict.fromkeys(f"{run.name}: {text}" for run in runs for text in run.missing())
    yield Part("What is missing", [*missing] or ["Nothing."])
    yield Part("Where the numbers come from", tables=[Table("", *origins(table))])
    yield Part("To make them again", commands=commands.commands(runs))


def latest(profiles: Sequence[Run]) -> list[tuple[Run, int]]:
    """Keep of profiles with the same settings the last one, with how many there are."""
    groups = list(commands.split(profiles, lambda run: commands.read(run, Profile, Effort) or repr(run.settings)))
    counts = {id(max(same, key=lambda run: run.created)): len(same) for same in groups}
    return [(run, counts[id(run)]) for run in profiles if id(run) in counts]


def headlines(profiles: Iterable[Run]) -> Iterator[str]:
    """Write from which length on a mechanism is faster than the baseline, of each profile."""
    for run in profiles:
        for text in sentences.headlines(run.told):
            yield f"{text} ({made_with(run)})"


def profile(run: Run, count: int) -> Part:
    """Make the part of a profile: its tables, and how it scales."""
    table = read(run.told)
    measured = table.filter(~pl.col("metric").is_in(scaling.MADE))
    shown = [
        Table(f"{one.phase}: {one.sized}", one.columns, one.lines, f"Kernels: {one.kernels or 'none ran'}.")
        for one in tables.tables(whole(measured))
    ]
    said = [*sentences.sentences(table), *tables.notes(measured)]
    more = [f"The last of {count} runs; all are in the table."] if count > 1 else []
    return Part(f"Profile: {made_with(run)}", more + said, shown)


def made_with(run: Run) -> str:
    """Write what a batch of a profile holds, and where it ran."""
    tokens, batch = run.settings.get("tokens"), run.settings.get("batch")
    load = f"{tokens:,} tokens" if tokens else f"batch {batch:,}" if batch else "settings not known"
    return f"{load}, {run.rows[0]['device']}, threads {run.rows[0]['threads']}"
