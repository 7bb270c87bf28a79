"""What a report says, whatever it is written in: parts with sentences, tables, figures and commands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from linrec_cli.analysis import quality, sentences, tables
from linrec_cli.analysis.origin import origins
from linrec_cli.analysis.reading import distinct, read, whole
from linrec_cli.plots.keys import keyed
from linrec_cli.reporting import commands
from linrec_cli.results import schema
from linrec_cli.runs.read import Run
from linrec_cli.settings import Effort, Profile

if TYPE_CHECKING:
    from linrec_cli.plots.drawn import Drawn

OF_TRAINING = ("dataset", "data_digest", "model", "width", "layers", "heads", "setup", "benchmark", "device", "threads")
OF_PROFILE = ("phase", "model", "width", "heads", "dtype", "tokens", "batch", "device", "threads", "benchmark")
"""What a table and a figure share that show the same numbers."""


@dataclass(frozen=True)
class Table:
    """A table, its cells written out; `caption` says what its numbers are, `figures` show them."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str = ""
    figures: "Sequence[Drawn]" = ()


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
    left = list(figures)
    options = commands.options(runs)
    said = [*quality.sentences(table, options), *headlines(run for run, _ in profiles)]
    if said:
        yield Part("In short", said)
    trained = [Table(*one[:-1], take(left, "train", one.of, OF_TRAINING)) for one in quality.trained(table, options)]
    evaluated = [Table(*one[:-1]) for one in quality.evaluated(table, options)]
    costs = [profile(run, count, left) for run, count in profiles]
    if trained or evaluated:
        yield Part("Quality", tables=trained + evaluated, figures=[one for one in left if one.command == "train"])
    yield from costs
    if rest := [one for one in left if one.command != "train"]:
        yield Part("Other figures of time and memory", figures=rest)
    yield Part("What is missing", [*missing(runs)] or ["Nothing."])
    yield Part("Where the numbers come from", tables=[Table("", *origins(table))])
    yield Part("To make them again", commands=commands.commands(runs))


def take(left: "list[Drawn]", command: str, row: Mapping[str, Any], names: Sequence[str]) -> "list[Drawn]":
    """Take of the figures that are left those whose numbers are made as a row's."""
    mine = [
        one for one in left if one.command == command and all(one.keys.get(name) == row.get(name) for name in names)
    ]
    left[:] = [one for one in left if one not in mine]
    return mine


def missing(runs: Sequence[Run]) -> Iterator[str]:
    """Say what runs lack, each thing once; where several lack it how many, and the first."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for text in dict.fromkeys(run.missing()):
            found.setdefault(text, []).append(run.name)
    for text, names in found.items():
        yield f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}"


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


def profile(run: Run, count: int, left: "list[Drawn]") -> Part:
    """Make the part of a profile: its tables, the figures that are left of its numbers, and how it scales."""
    table = read(run.told)
    measured = table.filter(~pl.col("metric").is_in(schema.MADE))
    how = {name: run.rows[0][name] for name in ("device", "threads", "benchmark")}
    # As figures have it: so many tokens, or so many sequences.
    held = keyed(table).select("phase", "tokens", "batch").unique("phase", keep="first").to_dicts()
    loads = {row.pop("phase"): row for row in held}
    shown = [
        Table(
            f"{one.phase}: {one.sized}", one.columns, one.lines, f"Kernels: {one.kernels or 'none ran'}.",
            take(left, "profile", how | loads[one.phase] | one.size | {"phase": one.phase}, OF_PROFILE),
        )
        for one in tables.tables(whole(measured))
    ]  # fmt: skip
    said = [*sentences.sentences(table), *tables.notes(measured)]
    more = [f"The last of {count} runs; all are in the table."] if count > 1 else []
    phases = ", ".join(distinct(whole(measured.filter(pl.col("phase") != schema.MACHINE)), "phase"))
    return Part(f"Profile of {phases}: {made_with(run)}", more + said, shown)


def made_with(run: Run) -> str:
    """Write what a batch of a profile holds, and where it ran."""
    tokens, batch = run.settings.get("tokens"), run.settings.get("batch")
    load = f"{tokens:,} tokens" if tokens else f"batch {batch:,}" if batch else "settings not known"
    return f"{load}, {run.rows[0]['device']}, threads {run.rows[0]['threads']}"
