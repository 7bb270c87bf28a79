"""Measure what BASE measured, judge it, and measure again what became worse."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import machine
from linrec_cli.declared import from_stored
from linrec_cli.errors import DataError
from linrec_cli.settings import Profile

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.analysis.verdict import Rule, Verdict

Rows = list[dict[str, Any]]
RUNS = 5
"""Runs a side from which on a slowdown can be told from noise."""


def like(base: Path, settings: Profile, given: Collection[str]) -> Profile:
    """Take from BASE's latest profile every setting that was not given.

    Raises:
        DataError: BASE holds no profile, or its settings are not there.
    """
    from linrec_cli.results import store

    names = profiles(store.read(base), base)["run"].to_list()
    every = [path.with_name(store.SETTINGS) for path in store.tables(base)]
    paths = [path for path in every if path.is_file() and (path.parent.name == names[-1] or path.parent == base)]
    if not paths:
        raise DataError(f"no settings beside the table of {names[-1]}; copy its {store.SETTINGS} too, or profile anew.")
    stored = from_stored(Profile, store.read_settings(paths[0]))
    if {"tokens", "batch"} & {*given}:
        given = {*given, "tokens", "batch"}
    wanted = {one.name for one in fields(Profile)} - {*given}
    taken: dict[str, Any] = {name: getattr(stored, name) for name in wanted}
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


def judge(
    base: Path, settings: Profile, measured: Callable[[Profile], Rows], rule: "Rule | None" = None
) -> Iterator["list[Verdict]"]:
    """Measure, compare with BASE, and measure suspected cells again.

    Args:
        measured: measures a sweep and gives its rows, of as many runs as are needed.

    Yields:
        all verdicts; and where some are doubted, all of them again after fresh runs of those.
    """
    from linrec_cli.analysis import confirm, verdict
    from linrec_cli.analysis.compare import worst_first
    from linrec_cli.results import store

    rule, before = rule or verdict.Rule(), profiles(store.read(base), base)
    first = verdicts(before, measured(settings), rule)
    yield first
    if doubted := confirm.suspects(first):
        again = measured(confirm.narrowed(settings, doubted, rule.yardstick))
        yield worst_first(confirm.confirmed(first, verdicts(before, again, rule)))


def yardstick(base: Path, settings: Profile) -> str:
    """Name what times are multiples of: the usual one where both sides have it, else nothing: seconds are compared."""
    from linrec_cli.analysis.verdict import Rule
    from linrec_cli.results import store

    usual = Rule().yardstick
    return usual if usual in settings.attn and usual in profiles(store.read(base), base)["attention"] else ""


def verdicts(before: "pl.DataFrame", rows: Rows, rule: "Rule") -> "list[Verdict]":
    """Judge the cells of new rows; what BASE alone has was not asked for."""
    from linrec_cli.analysis.compare import compare
    from linrec_cli.analysis.pairs import PLACE
    from linrec_cli.results import schema

    after, asked = schema.table({}, rows), [*PLACE, "dtype"]
    same = before.join(after.select(asked).unique(), on=asked, how="semi", nulls_equal=True)
    return compare(same, after, rule)
