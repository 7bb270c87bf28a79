"""`linrec compare`: has anything become slower, larger or worse than it was?"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console
from linrec_cli.cli.options import OUTPUT, Json, option
from linrec_cli.errors import DataError, InconclusiveError, NothingMeasuredError, RegressionError, UsageError

if TYPE_CHECKING:
    import polars as pl

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
    ] = "softmax",
    quantile: Annotated[
        float,
        option(
            WHAT,
            "Of a run's samples, %, what its time is: low, as others only add time; 50: the median.",
            min=0,
            max=100,
        ),
    ] = 5.0,
    metric: Annotated[str, option(WHAT, "Quality on the test items, as recall@10, ndcg@10 or mrr@10.")] = "ndcg@10",
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
    name, k = score(metric)
    targets = exports(export)

    from linrec_cli.analysis import verdict
    from linrec_cli.results import store

    rule = verdict.Rule(
        threshold / 100, memory_threshold / 100, quality_threshold / 100, chance / 100, quantile / 100,
        "" if yardstick == NO_YARDSTICK else yardstick, name, k, force,
    )  # fmt: skip
    tables = store.read(base), store.read(new)
    verdicts = verdict.compare(*tables, rule, (ranks(base, tables[0]), ranks(new, tables[1])))
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


def score(metric: str) -> tuple[str, int]:
    """Split `ndcg@10` into its metric and its `k`."""
    name, _, k = metric.lower().partition("@")
    known = ("recall", "ndcg", "mrr")
    if name not in known:
        raise catalog.unknown("metric", name, known)
    if not k.isdecimal() or int(k) < 1:
        raise UsageError(f"--metric takes a cut-off as in {name}@10, not '{metric}'.")
    return name, int(k)


def exports(given: str) -> dict[str, Path]:
    """Split `bmf=FILE,gha=FILE`."""
    known = ("bmf", "gha")
    pairs = [part.strip().partition("=") for part in given.split(",")] if given else []
    for kind, _, path in pairs:
        if kind not in known:
            raise catalog.unknown("export", kind, known)
        if not path:
            raise UsageError(f"--export {kind} names no file; write it as {kind}=FILE.")
        if sum(kind == other for other, _, _ in pairs) > 1:
            raise UsageError(f"--export {kind} names two files; give one.")
    return {kind: Path(path) for kind, _, path in pairs}


def ranks(folder: Path, table: "pl.DataFrame") -> dict[str, "pl.DataFrame"]:
    """Read the users' ranks of a table's runs, by run; a committed reference has none."""
    import polars as pl

    runs = set(table["run"])
    paths = [path for path in folder.glob("**/ranks.parquet") if path.parent.name in runs]
    try:
        return {path.parent.name: pl.read_parquet(path) for path in paths}
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"ranks in {folder} cannot be read ({error}); make that run again.") from None


def show(verdicts: Sequence["Verdict"], rule: "Rule", title: str, format: str, as_json: bool) -> None:
    """Print the verdicts as JSON, Markdown or a table; the reasons of what is unclear go to stderr."""
    from linrec_cli.analysis import wording as export

    if as_json:
        rows = [asdict(one) for one in verdicts]
        console.document({"rule": asdict(rule), "verdicts": rows, "summary": export.sentence(verdicts)})
    elif format == "md":
        print(export.markdown(verdicts, rule), end="")
    else:
        console.table(title, export.COLUMNS, export.lines(verdicts), export.legend(rule))
        print(export.sentence(verdicts))
        for note in export.notes(verdicts):
            console.say(note)


def write(verdicts: Sequence["Verdict"], rule: "Rule", targets: dict[str, Path], summary: bool) -> None:
    """Append the Markdown to the summary of a GitHub job, and write the exports."""
    from linrec_cli.analysis import wording as export

    made: dict[str, Any] = {"bmf": export.bmf, "gha": export.gha}
    try:
        if summary and os.environ.get(SUMMARY):
            with open(os.environ[SUMMARY], "a", encoding="utf-8") as file:
                file.write(export.markdown(verdicts, rule))
        for kind, path in targets.items():
            path.write_text(json.dumps(made[kind](verdicts), indent=2) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"cannot write {error.filename}: {error.strerror}; choose another place.") from None
    if summary and not os.environ.get(SUMMARY):
        console.say(f"{SUMMARY} is not set: no summary written.")


def leave(verdicts: Sequence["Verdict"], strict: bool) -> None:
    """Leave with the exit code of the worst verdict.

    Raises:
        RegressionError: a number became worse.
        NothingMeasuredError: no number could be compared.
        InconclusiveError: one was inconclusive, and that is not accepted.
    """
    counts = {word: sum(one.verdict == word for one in verdicts) for word in {one.verdict for one in verdicts}}
    if worse := counts.get("regression"):
        raise RegressionError(f"{worse} became worse; mend it, or make NEW the next BASE if it is meant.")
    if all(one.verdict == "incomparable" or not (one.base and one.new) for one in verdicts):
        reasons = list(dict.fromkeys(one.note for one in verdicts))
        why = f": {(reasons or ['neither side has a number'])[0]}" if len(reasons) < 2 else "; the notes say why"
        raise NothingMeasuredError(f"nothing could be compared{why}.")
    if strict and (unclear := counts.get("inconclusive")):
        raise InconclusiveError(f"{unclear} inconclusive; measure more runs, or on a quieter machine.")
