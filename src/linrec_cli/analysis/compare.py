"""Verdicts on two tables: which costs rose, and which qualities fell, by more than runs of the same code differ."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import polars as pl

from linrec_cli.analysis.judge_cost import cost
from linrec_cli.analysis.judge_quality import Ranks, qualities
from linrec_cli.analysis.pairs import Pair, pairs
from linrec_cli.analysis.verdict import ORDER, Rule, Verdict, blank


def compare(base: pl.DataFrame, new: pl.DataFrame, rule: Rule, ranks: tuple[Ranks, Ranks] = ({}, {})) -> list[Verdict]:
    """Judge every cell that either table has, worst first."""
    how: dict[str, Any] = {"yardstick": rule.yardstick, "quantile": rule.quantile, "force": rule.force}
    found = list(pairs(base, new, score=(rule.metric, rule.k), **how))
    verdicts = [incomparable(pair, rule) for pair in found if not pair.comparable]
    verdicts += [cost(pair, rule) for pair in found if pair.comparable and pair.kind != "quality"]
    verdicts += qualities([pair for pair in found if pair.comparable and pair.kind == "quality"], ranks, rule)
    return worst_first(verdicts)


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Order verdicts by their word, and by how much became worse."""
    return sorted(verdicts, key=lambda one: (ORDER.index(one.verdict), -loss(one)))


def incomparable(pair: Pair, rule: Rule) -> Verdict:
    """Write a pair that cannot be judged; what the new side lacks is no regression, and not fine either."""
    return replace(blank(pair, rule), verdict="inconclusive" if pair.lost else "incomparable")


def loss(verdict: Verdict) -> float:
    """Give by how much a cell became worse, relative; 0 where that is not known."""
    change = verdict.change or 0.0
    return -change if verdict.kind == "quality" else change
