"""`linrec compare`: has anything become slower, larger or worse than it was?"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linrec_cli import catalog
from linrec_cli.analysis import baseline
from linrec_cli.cli import console
from linrec_cli.cli.options import OUTPUT, Json, option
from linrec_cli.errors import DataError, UsageError

if TYPE_CHECKING:
    from linrec_cli.analysis.verdict import Rule, Verdict

HELP = """Compare two results: what became worse, better, or cannot be told?

[bold]linrec compare main/results results[/bold]
[bold]linrec compare results/reference/cpu results --strict --summary[/bold]
[bold]linrec compare BASE NEW --threshold 10 --yardstick none --format md[/bold]

BASE and NEW are results folders, or the folder of one run. Five runs of `linrec profile` a side tell a slowdown \
from noise; three seeds of `linrec train` tell a change of quality. Exit code 5 where anything became worse.
"""
LIMITS, WHAT = "What a change must exceed", "What to compare"
FORMATS = ("table", "md")
SUMMARY = "GITHUB_STEP_SUMMARY"
NO_YARDSTICK = "none"


def command(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Results before.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Results after.", show_default=False)],
    yardstick: Annotated[
        str, option(WHAT, "Mechanism whose time in the same run is the unit of time; none: seconds.")
    ] = baseline.NAME,
    quantile: Annotated[
        float,
        option(
            WHAT,
            "Of a run's samples, %, what its time is: low, as others only add time; 50: the median.",
            min=0,
            max=100,
        ),
    ] = 5.0,
    metric: Annotated[str, option(WHAT, "Quality on the test items: one that both sides have, of ranks.")] = "ndcg@10",
    force: Annotated[
        bool, option(WHAT, "Compare also what another device, version or setting made.", "--force", show_default=False)
    ] = False,
    threshold: Annotated[float, option(LIMITS, "Time, %.", min=0, max=1000)] = 5.0,
    memory_threshold: Annotated[float, option(LIMITS, "Memory, %.", min=0, max=1000)] = 1.0,
    quality_threshold: Annotated[float, option(LIMITS, "Quality, %.", min=0, max=100)] = 2.0,
    chance: Annotated[
        float,
        option(
            LIMITS,
            "Chance of a false alarm of one number, %: 1 needs 5 runs a side, 5 needs 3.",
            min=1e-6,
            max=100,
        ),
    ] = 1.0,
    strict: Annotated[
        bool, option(OUTPUT, "Exit with 6 where anything is inconclusive.", "--strict", show_default=False)
    ] = False,
    format: Annotated[str, option(OUTPUT, f"On stdout: {' or '.join(FORMATS)}.")] = "table",
    summary: Annotated[
        bool, option(OUTPUT, f"Append the Markdown to the file in {SUMMARY}.", "--summary", show_default=False)
    ] = False,
    export: Annotated[
        str,
        option(OUTPUT, "bmf=FILE (Bencher), gha=FILE (github-action-benchmark), or both as a,b.", show_default=False),
    ] = "",
    as_json: Json = False,
) -> None:
    """Judge every number, show the verdicts, write what was asked for, and leave by the worst of them."""
    if format not in FORMATS:
        raise catalog.unknown("format", format, FORMATS)
    targets = exports(export)

    from linrec_cli.analysis.labels import metric_of
    from linrec_cli.analysis.verdict import Rule, leave

    rule = Rule(
        time=threshold / 100, memory=memory_threshold / 100, quality=quality_threshold / 100, chance=chance / 100,
        quantile=quantile / 100, yardstick="" if yardstick == NO_YARDSTICK else yardstick, force=force,
        **metric_of(metric),
    )  # fmt: skip
    verdicts = judged(base, new, rule, summary)
    show(verdicts, rule, f"{new} against {base}", format, as_json)
    try:
        write(verdicts, rule, targets, summary)
    except DataError as error:
        # What became worse counts for more than where it is written.
        if any(one.verdict == "regression" for one in verdicts):
            console.fail(str(error))
            leave(verdicts, strict)
        raise
    leave(verdicts, strict)


def judged(base: Path, new: Path, rule: "Rule", summary: bool) -> list["Verdict"]:
    """Judge every number; where nothing can be compared, the summary says so too.

    Raises:
        DataError: a side holds no results, or some that cannot be read.
    """
    from linrec_cli.analysis.markup import escaped
    from linrec_cli.runs.compare import compare

    try:
        return compare(base, new, rule)
    except DataError as error:
        if summary:
            summarise(f"### linrec compare\n\nNothing was compared: {escaped(str(error))}\n")
        raise


def exports(given: str) -> dict[str, Path]:
    """Split `bmf=FILE,gha=FILE`."""
    services = ("bmf", "gha")
    pairs = [part.strip().partition("=") for part in given.split(",")] if given else []
    for kind, _, path in pairs:
        if kind not in services:
            raise catalog.unknown("export", kind, services)
        if not path:
            raise UsageError(f"--export {kind} names no file; write it as {kind}=FILE.")
        if sum(kind == other for other, _, _ in pairs) > 1:
            raise UsageError(f"--export {kind} names two files; give one.")
    return {kind: Path(path) for kind, _, path in pairs}


def show(verdicts: Sequence["Verdict"], rule: "Rule", title: str, format: str, as_json: bool) -> None:
    """Print the verdicts as JSON, Markdown or a table; the reasons of what is unclear go to stderr."""
    from linrec_cli.analysis import verdict_text

    if as_json:
        rows = [asdict(one) | {"sides": one.sides} for one in verdicts]
        console.document({"rule": asdict(rule), "verdicts": rows, "summary": verdict_text.sentence(verdicts)})
    elif format == "md":
        console.page(verdict_text.markdown(verdicts, rule))
    else:
        console.table(title, verdict_text.COLUMNS, verdict_text.lines(verdicts), verdict_text.legend(rule))
        console.line(verdict_text.sentence(verdicts))
        for note in verdict_text.notes(verdicts):
            console.say(note)


def write(verdicts: Sequence["Verdict"], rule: "Rule", targets: dict[str, Path], summary: bool) -> None:
    """Append the Markdown to the summary of a GitHub job, and write the exports."""
    from linrec_cli.analysis.benchmark_services import SERVICES
    from linrec_cli.analysis.verdict_text import markdown
    from linrec_cli.results import store

    if summary:
        summarise(markdown(verdicts, rule))
    for kind, target in targets.items():
        store.write_text(json.dumps(SERVICES[kind](verdicts), indent=2) + "\n", target)


def summarise(text: str) -> None:
    """Append a text to the summary of a GitHub job.

    Raises:
        DataError: it cannot be written.
    """
    path = os.environ.get(SUMMARY)
    if not path:
        console.say(f"{SUMMARY} is not set: no summary written.")
        return
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; mend {SUMMARY}.") from None
