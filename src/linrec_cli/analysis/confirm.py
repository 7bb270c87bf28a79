"""A suspected rise of a cost, measured once more before it is called a regression."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from linrec_cli.analysis import phases
from linrec_cli.analysis.difference import HOW
from linrec_cli.analysis.judge_cost import counted
from linrec_cli.analysis.labels import mechanism
from linrec_cli.analysis.pairs import WHAT
from linrec_cli.analysis.verdict import Verdict
from linrec_cli.settings import Profile

SIZES = ("maxlen", "phase", "width", "heads", "dtype")
"""Settings that list what cells differ in, beside the mechanism."""


def suspects(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Choose the regressions that another run may not show: of what is measured, not counted."""
    return [one for one in verdicts if one.verdict == "regression" and one.kind != "quality" and not counted(one.cell)]


def narrowed(settings: Profile, verdicts: Sequence[Verdict], yardstick: str) -> Profile:
    """Keep of a sweep's settings the lists that cover the verdicts' cells, the yardstick beside them."""
    found: dict[str, set[Any]] = {name: {one.cell[name] for one in verdicts} for name in SIZES}
    found["attn"] = {mechanism(one.cell) for one in verdicts} | {yardstick}
    for whole in {phases.wholes().get(phase) for phase in found["phase"]} - {None}:
        # A part may have been measured with the others, one after the other.
        found["phase"] |= {whole, *(part for part, other in phases.wholes().items() if other == whole)}
    kept: dict[str, Any] = {
        name: tuple(value for value in getattr(settings, name) if value in found[name]) for name in found
    }
    return replace(settings, **{name: values for name, values in kept.items() if values})


def confirmed(first: Sequence[Verdict], again: Sequence[Verdict]) -> Iterator[Verdict]:
    """Keep a suspected regression only if the fresh runs, judged by themselves, show it as well.

    Args:
        first: all verdicts.
        again: verdicts on fresh runs of the suspected cells, against the same base.
    """
    fresh = {key(one): one for one in again}
    doubted = {id(one) for one in suspects(first)}
    for one in first:
        yield settled(one, fresh.get(key(one))) if id(one) in doubted else one


def key(verdict: Verdict) -> tuple[Any, ...]:
    """Tell the numbers of two comparisons apart by what was measured, and how."""
    return tuple(verdict.cell[name] for name in (*WHAT, *HOW))


def settled(one: Verdict, fresh: Verdict | None) -> Verdict:
    """Judge a suspected regression by the verdict on its fresh runs."""
    if fresh is None or fresh.change is None:
        return replace(one, verdict="inconclusive", note="it could not be measured again")
    runs = f"{len(fresh.new)} fresh runs"
    if fresh.verdict == "regression":
        return replace(one, note=f"confirmed by {runs}: {fresh.change:+.1%}")
    return replace(one, verdict="inconclusive", note=f"not confirmed by {runs}: {fresh.change:+.1%}, {fresh.verdict}")
