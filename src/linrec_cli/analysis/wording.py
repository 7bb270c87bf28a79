"""Verdicts as a person reads them, as Markdown, and as other benchmark services take them."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from linrec_cli.analysis.pairs import COUNTED
from linrec_cli.analysis.verdict import ORDER, Rule, Verdict

COLUMNS = ("verdict", "cell", "metric", "base", "new", "change", "noise")
NONE = "–"
NAMED = ("form", "width", "heads", "layers", "tokens", "dtype", "protocol", "seen", "setup")
"""What a full name says of a cell beside its command, data set, model, mechanism, length and phase."""
TELLING = ("dataset", "model", "form", "width", "heads", "layers", "tokens", "dtype", "protocol", "seen", "device",
           "threads", "setup")  # fmt: skip
"""What a short name says only where it tells two cells apart, in this order."""
BARE = ("dataset", "model", "form", "dtype", "protocol", "device")
"""What needs no word before its value."""


def names(verdicts: Sequence[Verdict]) -> list[str]:
    """Name each cell in short: its mechanism, length and phase, and what else tells it from the others."""
    return told_apart([" ".join(short(one.cell)) for one in verdicts], verdicts, TELLING)


def full_names(verdicts: Sequence[Verdict]) -> list[str]:
    """Name each cell so that it has the same name in every comparison on one machine."""
    texts = []
    for cell in (one.cell for one in verdicts):
        start = (cell[name] for name in ("command", "dataset", "model") if cell[name])
        more = (worded(cell, name) for name in NAMED if cell[name] is not None)
        texts.append(" ".join((*start, *short(cell), *more)))
    return told_apart(texts, verdicts, ("device", "threads"))


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


def short(cell: dict[str, Any]) -> Iterator[str]:
    """Name a cell by mechanism, length and phase; what was trained has no phase."""
    yield ":".join(filter(None, (cell["attention"], cell["options"])))
    yield str(cell["maxlen"])
    yield cell["phase"] or cell["command"]
    # A way to serve an event, before its counter if it has one; of other numbers the stage is a counter or a split.
    if cell["phase"] == "serve" and cell["stage"]:
        yield cell["stage"].partition(".")[0]


def worded(cell: dict[str, Any], column: str) -> str:
    """Write what a cell has in a column."""
    return str(cell[column]) if column in BARE else f"{column} {cell[column]}"


def metric(verdict: Verdict) -> str:
    """Name the number that a verdict is on."""
    cell = verdict.cell
    if verdict.kind == "quality":
        return f"{cell['metric'].upper() if cell['metric'] != 'recall' else 'Recall'}@{cell['k']}"
    return COUNTED.get(cell["metric"], verdict.kind) or NONE


def lines(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, ...]]:
    """Write a line a verdict, under `COLUMNS`."""
    for one, name in zip(verdicts, names(verdicts), strict=True):
        base, new = (number(runs, one.unit) for runs in (one.base, one.new))
        yield one.verdict, name, metric(one), base, new, share(one.change, "+"), share(one.noise)


def number(runs: Sequence[float], unit: str) -> str:
    """Write the median of runs in their unit."""
    if not runs:
        return NONE
    value = median(runs)
    size = f"{value / 2**20:,.1f} MiB" if value >= 2**17 else f"{value / 2**10:,.1f} KiB"
    written = {"B": size, "s": f"{1000 * value:,.4g} ms", "1": f"{value:.4f}"}
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
        f"Time {time}. noise: what two runs of the same code differ by; of a quality, half of its 95 % interval. "
        f"Worse or better: every new run beyond every base run, and by more than {limits} and twice the noise; "
        "quality by a paired bootstrap over users, corrected for the number of cells (Holm)."
    )


def markdown(verdicts: Sequence[Verdict], rule: Rule) -> str:
    """Write a report for a pull request: the sentence, the table, the reasons folded."""
    table = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|--:|--:|--:|--:|"]
    for word, *rest in lines(verdicts):
        table.append(f"| {f'**{word}**' if word == 'regression' else word} | {' | '.join(rest)} |")
    why = "\n".join(f"- {note}" for note in notes(verdicts))
    folded = f"\n<details><summary>What is unclear</summary>\n\n{why}\n\n</details>\n" if why else ""
    return f"### linrec compare\n\n{sentence(verdicts)}\n\n" + "\n".join(table) + f"\n{folded}\n{legend(rule)}\n"


def bmf(verdicts: Sequence[Verdict]) -> dict[str, dict[str, dict[str, float]]]:
    """Write the new side in the Bencher Metric Format: by cell, then by measure; time in nanoseconds, or relative.

    Source: bencher.dev, Bencher Metric Format.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for one, name in measured(verdicts):
        scale = 1e9 if one.unit == "s" else 1.0
        low, middle, high = (scale * value for value in (min(one.new), median(one.new), max(one.new)))
        numbers = {"value": middle, "lower_value": low, "upper_value": high}
        found.setdefault(name, {})[measure(one)] = numbers
    return found


def measure(verdict: Verdict) -> str:
    """Name a measure as Bencher does: `latency` is its own, in nanoseconds."""
    if verdict.kind == "time":
        return "latency" if verdict.unit == "s" else "relative-time"
    if verdict.kind == "quality":
        return f"{verdict.cell['metric']}-{verdict.cell['k']}"
    return str(verdict.cell["metric"]).replace("_", "-")


def gha(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Write the new side's costs for github-action-benchmark's `customSmallerIsBetter`; quality is no cost.

    Source: github.com/benchmark-action/github-action-benchmark, `BenchmarkResult`.
    """
    return [
        {
            "name": f"{name} {metric(one)}",
            "unit": one.unit,
            "value": median(one.new),
            "range": f"{min(one.new):.6g} - {max(one.new):.6g}",
            "extra": f"{len(one.new)} runs; {one.verdict}",
        }
        for one, name in measured(verdicts)
        if one.kind != "quality"
    ]


def measured(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, str]]:
    """Pass on what the new side has a number of, with its full name."""
    return (pair for pair in zip(verdicts, full_names(verdicts), strict=True) if pair[0].new)
