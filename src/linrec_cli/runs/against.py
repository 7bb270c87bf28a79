"""`linrec profile --against BASE`: measure what BASE measured, judge it, and confirm what became worse."""

from collections.abc import Callable, Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import machine
from linrec_cli.cli import compare, console
from linrec_cli.errors import DataError
from linrec_cli.settings import Profile, each

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.analysis.verdict import Verdict

Runs = Callable[[Profile], list[dict[str, Any]]]
"""Measures a sweep and gives its rows."""
RUNS = 5
"""Runs a side from which on a slowdown can be told from noise."""


def like(base: Path, settings: Profile, given: Collection[str]) -> Profile:
    """Take from BASE's latest profile every setting that was not given.

    Raises:
        DataError: BASE holds no profile, or its settings are not there.
    """
    from linrec_cli.results import store

    names = profiles(store.read(base), base)["run"].to_list()
    paths = [path for path in base.glob(f"**/{store.SETTINGS}") if path.parent.name == names[-1] or path.parent == base]
    if not paths:
        raise DataError(f"no settings beside the table of {names[-1]}; copy its {store.SETTINGS} too, or profile anew.")
    read = store.read_settings(paths[0])
    # What is a list today may have been one value in an older run.
    lists = {name for name in read if isinstance(getattr(settings, name, None), tuple)}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}
    found |= {name: each(found[name]) for name in lists}
    if {"tokens", "batch"} & {*given}:
        given = {*given, "tokens", "batch"}
    wanted = {one.name for one in fields(Profile)} - {*given}
    taken: dict[str, Any] = {name: value for name, value in found.items() if name in wanted}
    settings = replace(settings, **taken)
    return replace(settings, device=machine.device(settings.device))


def profiles(table: "pl.DataFrame", base: Path) -> "pl.DataFrame":
    """Take the rows of profiles, the latest last.

    Raises:
        DataError: there is none.
    """
    rows = table.filter(command="profile").sort("created", maintain_order=True)
    if not len(rows):
        raise DataError(f"no profile in {base}; make one with linrec profile --runs {RUNS} --results-dir {base}.")
    return rows


def judged(
    base: Path, settings: Profile, given: Collection[str], runs: int | None, measured: Runs, as_json: bool
) -> None:
    """Measure what BASE measured, but for what is given, in several runs, and judge it."""
    judge(
        base,
        like(base, settings, given),
        lambda one: [row for _ in range(runs or RUNS) for row in measured(one)],
        as_json,
    )


def judge(base: Path, settings: Profile, measured: Runs, as_json: bool) -> None:
    """Measure, compare with BASE, measure suspected cells again, show the verdicts and leave by the worst.

    Raises:
        RegressionError: a cost rose, and fresh runs confirm it.
        NothingMeasuredError: nothing could be compared.
    """
    from linrec_cli.analysis import confirm
    from linrec_cli.analysis.verdict import Rule
    from linrec_cli.results import store

    rule, before = Rule(), profiles(store.read(base), base)
    verdicts = verdicts_on(before, measured(settings), rule)
    if doubted := confirm.suspects(verdicts):
        console.say(f"{len(doubted)} may have become worse: measuring these again.")
        again = measured(confirm.narrowed(settings, doubted, rule.yardstick))
        verdicts = list(confirm.confirmed(verdicts, verdicts_on(before, again, rule)))
    compare.show(verdicts, rule, f"this code against {base}", "table", as_json)
    compare.leave(verdicts, strict=False)


def verdicts_on(before: "pl.DataFrame", rows: list[dict[str, Any]], rule: Any) -> "list[Verdict]":
    """Judge the cells of new rows; what BASE alone has was not asked for."""
    from linrec_cli.analysis.pairs import PLACE
    from linrec_cli.analysis.verdict import compare as compared
    from linrec_cli.results import schema

    after = schema.table({}, rows)
    same = before.join(after.select(PLACE).unique(), on=list(PLACE), how="semi", nulls_equal=True)
    return compared(same, after, rule)
