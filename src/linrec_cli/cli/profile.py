"""`linrec profile`: time and peak memory over sequence lengths, a row a number."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.analysis import baseline
from linrec_cli.cli import console, options
from linrec_cli.cli.options import option
from linrec_cli.declared import check_names
from linrec_cli.errors import FaultError, NothingMeasuredError, UsageError
from linrec_cli.phases._phase import phase
from linrec_cli.settings import HOW, Effort, Profile, form

HELP = """Measure time, peak memory and work over sequence lengths.

[bold]linrec profile[/bold]
[bold]linrec profile --attn softmax,linear --maxlen 128,512,2048 --phase step,serve[/bold]
[bold]linrec profile --batch 8 --width 64,128 --dtype float32,bfloat16 --roofline[/bold]
[bold]linrec profile --tokens 4096 --budget 5 --json > profile.json[/bold]
[bold]linrec profile --against main/results[/bold]

Each cell (mechanism, length, size, phase) runs in a process of its own: running out of memory or time is a row \
that says so, and everything else goes on; where one failed otherwise, the exit code is 4. Cut short, the same command \
again measures what is left of that run. All lengths have the same number of tokens a batch, or with --batch of \
sequences. The first mechanism is what the others are compared with.
"""
AGAINST = """Results to compare with: measure what they measured, unless told otherwise, and exit with 5 where fresh \
runs confirm that something became worse."""
Row = dict[str, Any]


@options.of(Profile, Effort)
def command(
    ctx: typer.Context,
    *,
    runs: Annotated[
        int | None,
        option(
            HOW,
            "Runs of it all, one cut short before among them; linrec compare wants five.",
            min=1,
            max=1000,
            show_default="1, with --against 5",
        ),
    ] = None,
    against: Annotated[Path | None, option(HOW, AGAINST, show_default=False)] = None,
    as_json: options.Json = False,
    results_dir: options.ResultsDir = options.RESULTS,
    **given: Any,
) -> None:
    """Measure every cell, write the rows, show the tables."""
    settings, effort = asked(given), Effort(**options.given(Effort, given))
    if against:
        if against.resolve() == results_dir.resolve():
            raise UsageError(f"--against {against} would get the new runs too; give another --results-dir.")
        judged(settings, options.asked(ctx), effort, runs, against, results_dir, as_json)
        return
    every = [measured(settings, effort, results_dir) for _ in range(runs or 1)]
    rows = [row for one in every for row in one]
    if as_json:
        console.document({"settings": asdict(settings), "rows": rows})
    else:
        show(settings, every[-1])
    cells = [row["status"] for row in rows if row["phase"] != "machine"]
    if "ok" not in cells:
        raise NothingMeasuredError("no cell could be measured; the notes in the table say why.")
    if "error" in cells:
        raise NothingMeasuredError("a cell failed; its row says why.")


def asked(given: dict[str, Any]) -> Profile:
    """Make the settings that the options ask for, and check every name and its options.

    Raises:
        UsageError: one is unknown, or does not fit.
    """
    tokens, batch = given["tokens"], given["batch"]
    if tokens is None:
        tokens = Profile.tokens if batch is None else 0
    settings = options.made(Profile, given | {"tokens": tokens, "batch": batch or 0})
    check_names(settings)
    settings = settings if settings.attn else replace(settings, attn=tuple(usual(settings)))
    buildable(settings)
    return settings


def usual(settings: Profile) -> list[str]:
    """List the mechanisms that have every form measured, the models' or of a layer alone causal; the baseline first."""
    whole = {phase(name).model for name in settings.phase}
    models = settings.model if True in whole else ()
    forms = {form(spec) for spec in models} - {""}
    forms |= {"causal"} if False in whole else set()
    known = catalog.sound("attentions", console.say)
    names = [name for name, module in known.items() if forms <= {*module.FORMS}]
    return sorted(names, key=lambda name: (name != baseline.NAME, name))


def buildable(settings: Profile) -> None:
    """Build each mechanism that has options once, so that a wrong one is known before anything is measured."""
    from linrec_cli.attentions._build import build

    for spec in (spec for spec in settings.attn if ":" in spec):
        causal = "causal" in catalog.load("attentions", catalog.parse(spec)[0]).FORMS
        # One that raises is an error of its cells alone.
        with suppress(FaultError):
            build(spec, settings.width[0], settings.heads[0], causal=causal, maxlen=min(settings.maxlen))


def measured(settings: Profile, effort: Effort, results_dir: Path) -> list[Row]:
    """Measure a run, or the rest of one cut short, and show it meanwhile."""
    from linrec_cli.cli.events import tell
    from linrec_cli.cli.profile_progress import watched
    from linrec_cli.runs.profile import cells, place

    folder = place(settings, results_dir, tell, effort=effort)
    rows: list[Row] = []
    try:
        for made in watched(settings, cells(settings, folder, effort=effort)):
            rows += made
    finally:
        if rows:
            console.say(f"Results are in {folder}")
    return rows


def judged(
    settings: Profile,
    given: set[str],
    effort: Effort,
    runs: int | None,
    base: Path,
    results_dir: Path,
    as_json: bool,
) -> None:
    """Measure what BASE measured, but for what is given, show the verdicts and leave by the worst."""
    from linrec_cli.analysis import confirm
    from linrec_cli.analysis.verdict import Rule, Verdict, leave
    from linrec_cli.cli import compare
    from linrec_cli.runs import against

    def several(one: Profile) -> list[Row]:
        return [row for _ in range(runs or against.RUNS) for row in measured(one, effort, results_dir)]

    settings, verdicts = against.like(base, settings, given), list[Verdict]()
    rule = Rule(yardstick=against.yardstick(base, settings))
    for number, verdicts in enumerate(against.judge(base, settings, several, rule)):
        # After the first verdicts come those of fresh runs, if any are in doubt.
        if number == 0 and (doubted := confirm.suspects(verdicts)):
            console.say(f"{len(doubted)} may have become worse: measuring these again.")
    compare.show(verdicts, rule, f"this code against {base}", "table", as_json)
    leave(verdicts, strict=False)


def show(settings: Profile, rows: Sequence[Row]) -> None:
    """Print a table a phase and size, then how it scales and why anything is missing."""
    from linrec_cli.analysis import tables as summary
    from linrec_cli.analysis.sentences import sentences
    from linrec_cli.results.schema import MADE

    told, rows = list(sentences(rows)), [row for row in rows if row["metric"] not in MADE]
    fixed = f"{settings.tokens:,} tokens" if settings.tokens else f"batch {settings.batch:,}"
    fixed += " or one sequence" if 0 < settings.tokens < max(settings.maxlen) else ""
    for table in summary.tables(rows):
        size = ", ".join(f"{name} {value}" for name, value in table.size.items() if value and name != "dtype")
        title, caption = f"{table.phase}: {table.size['dtype']}, {fixed}", f"{size}; {table.kernels or 'nothing ran'}"
        console.table(title, table.columns, table.lines, caption)
    console.sentences(told)
    console.say(f"{rows[0]['device']}, threads {settings.threads}; ± is half the way from the 20 to the 80 % quantile")
    for note in summary.notes(rows):
        console.say(note)
