"""Verdicts on two tables: which costs rose, and which qualities fell, by more than runs of the same code differ."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from linrec_cli.analysis.difference import NONE, Setups
from linrec_cli.analysis.judge_cost import cost
from linrec_cli.analysis.judge_quality import Ranks, qualities
from linrec_cli.analysis.pairs import Pair, pairs
from linrec_cli.analysis.verdict import ORDER, Rule, Verdict, blank
from linrec_cli.errors import UsageError


def compare(
    base: pl.DataFrame, new: pl.DataFrame, rule: Rule, ranks: tuple[Ranks, Ranks] = ({}, {}), setups: Setups = NONE
) -> list[Verdict]:
    """Judge every cell that either table has, worst first.

    Args:
        ranks: of users, by run, on each side.
        setups: the settings behind the digest of a setup.

    Raises:
        UsageError: neither has the metric that is asked for, or what was timed under the yardstick's name.
    """
    there((base, new), (rule.metric, rule.k))
    how: dict[str, Any] = {"yardstick": rule.yardstick, "quantile": rule.quantile, "force": rule.force,
                           "setups": setups}  # fmt: skip
    found = list(pairs(base, new, score=(rule.metric, rule.k), **how))
    verdicts = [incomparable(pair, rule) for pair in found if not pair.comparable]
    verdicts += [cost(pair, rule) for pair in found if pair.comparable and pair.kind != "quality"]
    verdicts += qualities([pair for pair in found if pair.comparable and pair.kind == "quality"], ranks, rule)
    return worst_first(verdicts)


def there(tables: Sequence[pl.DataFrame], score: tuple[str, int]) -> None:
    """Make sure that a metric is there where there is quality at all.

    Raises:
        UsageError: it is in no table, and others are.
    """
    ranks = [side.filter(stage="test").drop_nulls("k").select("metric", "k") for side in tables]
    tested = pl.concat(ranks).unique().sort("metric", "k").rows()
    if tested and score not in tested:
        known = ", ".join(f"{name}@{k}" for name, k in tested)
        raise UsageError(f"no {score[0]}@{score[1]} was tested on either side; there are {known}.")


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
