"""Verdicts as a person reads them: names, lines of a table, sentences, and all of it as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from linrec_cli.analysis import numbers, phases
from linrec_cli.analysis.labels import mechanism, metric_label
from linrec_cli.analysis.markup import escaped, escaped_line
from linrec_cli.analysis.pairs import COUNTED, OF_VALIDATION, TIMES
from linrec_cli.analysis.verdict import ORDER, Rule, Verdict

COLUMNS = ("verdict", "cell", "metric", "base", "new", "change", "noise")
NONE = "–"
TELLING = ("dataset", "model", "form", "width", "heads", "layers", "tokens", "dtype", "protocol", "seen", "device",
           "threads", "processes", "split", "ties", "objective", "loss", "torch", "benchmark", "setup",
           "data_digest")  # fmt: skip
"""What a short name says only where it tells two cells apart, in this order."""
BARE = ("dataset", "model", "form", "dtype", "protocol", "device", "split", "objective", "loss")
"""What needs no word before its value."""


def names(verdicts: Sequence[Verdict]) -> list[str]:
    """Name each cell in short: its mechanism, length and phase, and what else tells it from the others."""
    return told_apart([" ".join(short(one.cell)) for one in verdicts], verdicts, TELLING)


def told_apart(texts: list[str], verdicts: Sequence[Verdict], columns: Sequence[str]) -> list[str]:
    """Add to the names of different cells that are the same, column by column, what they differ in."""
    for column in columns:
        found: dict[tuple[str, str], set[Any]] = {}
        keys = [(text, metric(one)) for text, one in zip(texts, verdicts, strict=True)]
        for key, one in zip(keys, verdicts, strict=True):
            found.setdefault(key, set()).add(one.cell[column])
        texts = [
            f"{key[0]} {worded(one.cell, column)}" if len(found[key]) > 1 and one.cell[column] is not None else key[0]
            for key, one in zip(keys, verdicts, strict=True)
        ]
    return texts


def short(cell: Mapping[str, Any]) -> Iterator[str]:
    """Name a cell by mechanism, length and phase; what was trained has no phase."""
    yield mechanism(cell)
    yield str(cell["maxlen"])
    yield cell["phase"] or cell["command"]
    # A way, before its counter if it has one; of other phases the stage is a counter or the items that were ranked.
    if cell["phase"] in phases.with_ways() and cell["stage"]:
        yield cell["stage"].partition(".")[0]


def worded(cell: dict[str, Any], column: str) -> str:
    """Write what a cell has in a column."""
    return str(cell[column]) if column in BARE else f"{column} {cell[column]}"


def metric(verdict: Verdict) -> str:
    """Name the number that a verdict is on."""
    if verdict.kind == "quality":
        return metric_label(verdict.cell)
    return (COUNTED | TIMES | OF_VALIDATION).get(verdict.cell["metric"], verdict.kind) or NONE


def lines(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, ...]]:
    """Write a line a verdict, under `COLUMNS`: what both sides come to, and by how much they differ."""
    for one, name in zip(verdicts, names(verdicts), strict=True):
        base, new = (number(value, one.unit) for value in one.sides)
        yield one.verdict, name, metric(one), base, new, share(one.change, "+"), share(one.noise)


def number(value: float | None, unit: str) -> str:
    """Write what a side comes to in its unit."""
    if value is None:
        return NONE
    size = f"{value / 2**20:,.1f} MiB" if value >= 2**17 else f"{value / 2**10:,.1f} KiB"
    written = {"B": size, "s": f"{numbers.short(1000 * value)} ms", "1": f"{value:.4f}"}
    return written.get(unit, f"{value:.3f}x")


def share(value: float | None, sign: str = "-") -> str:
    """Write a share in per cent."""
    return NONE if value is None else f"{100 * value:{sign}.1f} %"


def sentence(verdicts: Sequence[Verdict]) -> str:
    """Sum up in one sentence: how many of each verdict, and the worst."""
    counts = {word: sum(one.verdict == word for one in verdicts) for word in ORDER}
    said = {
        "regression": "worse", "inconclusive": "inconclusive", "improved": "better",
        "ok": "unchanged as far as can be seen", "incomparable": "not compared",
    }  # fmt: skip
    parts = [f"{counts[word]} {said[word]}" for word in ORDER if counts[word] or word == "regression"]
    worst = ""
    if counts["regression"]:
        first, name = verdicts[0], names(verdicts)[0]
        worst = f"; the worst is {metric(first)} of {name}, {share(first.change, '+')}"
    return f"Of {len(verdicts)} number{'' if len(verdicts) == 1 else 's'}, {', '.join(parts)}{worst}."


def notes(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Write why anything is unclear: a line a reason, with the cells it holds for."""
    reasons: dict[str, list[str]] = {}
    for one, name in zip(verdicts, names(verdicts), strict=True):
        if one.note:
            reasons.setdefault(f"{one.verdict}, {one.note}", []).append(f"{name} {metric(one)}")
    for reason, cells in reasons.items():
        more = f" and {len(cells) - 3} more" if len(cells) > 3 else ""
        yield f"{reason}: {', '.join(cells[:3])}{more}"


def legend(rule: Rule) -> str:
    """Say how the numbers of the table are made, and what a change must exceed."""
    time = f"({100 * rule.quantile:g} % quantile of a run's samples) "
    time += f"as a multiple of {rule.yardstick}'s beside it" if rule.yardstick else "in seconds"
    limits = f"{100 * rule.time:g} % in time, {100 * rule.memory:g} % in memory, {100 * rule.quality:g} % in quality"
    return (
        f"Time {time}. base, new: the median over runs, of a quality the mean over the seeds of both; "
        "change: of these two. noise: what two runs of the same code differ by; of a quality, half of its 95 % "
        "interval. "
        f"Worse or better: every new run beyond every base run, and by more than {limits} and twice the noise; "
        "quality by a paired bootstrap over users, corrected for the number of cells (Holm)."
    )


def markdown(verdicts: Sequence[Verdict], rule: Rule) -> str:
    """Write a report for a pull request: the sentence, the table, the reasons folded."""
    table = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|--:|--:|--:|--:|"]
    for word, *rest in lines(verdicts):
        marked = f"**{word}**" if word == "regression" else word
        table.append(f"| {' | '.join([marked, *map(escaped, rest)])} |")
    why = "\n".join(f"- {escaped_line(note)}" for note in notes(verdicts))
    folded = f"\n<details><summary>What is unclear</summary>\n\n{why}\n\n</details>\n" if why else ""
    return (
        f"### linrec compare\n\n{escaped(sentence(verdicts))}\n\n"
        + "\n".join(table)
        + f"\n{folded}\n{escaped_line(legend(rule))}\n"
    )
