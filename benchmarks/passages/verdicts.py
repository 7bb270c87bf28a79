"""How often `linrec compare` errs on real runs: the verdicts of `benchmarks/verdicts.py`."""

from statistics import median

from passages._reference import Reference, Row
from passages._words import paragraph, table

KINDS = ("idle", "busy")
QUIET = 0.035
"""Spread of the ratio up to which a slowdown of 15 % must be found."""


def rates(reference: Reference) -> str:
    """Make the table: a column a machine, idle or busy."""
    found = {kind: reference.csv(f"verdicts/{kind}") for kind in KINDS}
    if not all(found.values()):
        return ""
    heads = [
        f"{kind}, {trials(rows, 'same')} trials, {trials(rows, 'planted')} of them planted"
        for kind, rows in found.items()
    ]
    lines = [[title, *(tell(rows) for rows in found.values())] for title, tell in LINES.items()]
    return table(["", *heads], lines)


def trials(rows: list[Row], new: str) -> int:
    """Count the trials of a side."""
    return len({r["trial"] for r in rows if r["new"] == new})


def count(rows: list[Row], new: str, metrics: tuple[str, ...], *verdicts: str) -> int:
    """Count verdicts of a side on some metrics."""
    return sum(r["new"] == new and r["metric"] in metrics and r["verdict"] in verdicts for r in rows)


def quiet(rows: list[Row]) -> str:
    """Write how many slowdowns were found where runs differ by little."""
    slow = [r for r in rows if (r["new"], r["metric"]) == ("planted", "seconds") and r["noise"] <= QUIET]
    return f"{sum(r['verdict'] == 'regression' for r in slow)} of {len(slow)}"


def found(rows: list[Row], *metrics: str) -> str:
    """Write how many of what was planted was found."""
    return " and ".join(f"{count(rows, 'planted', (m,), 'regression')} of {trials(rows, 'planted')}" for m in metrics)


MEMORY = ("peak_bytes", "saved_bytes")
LINES = {
    "the same code: a regression in time": lambda rows: str(count(rows, "same", ("seconds",), "regression")),
    "the same code: improved in time": lambda rows: str(count(rows, "same", ("seconds",), "improved")),
    "the same code: `ok` in time, the rest `inconclusive`": lambda rows: str(count(rows, "same", ("seconds",), "ok")),
    f"15 % slower: found, where runs differ by at most {100 * QUIET:g} %": quiet,
    "15 % slower: found, of all": lambda rows: found(rows, "seconds"),
    "15 % slower: called `ok`": lambda rows: str(count(rows, "planted", ("seconds",), "ok")),
    "3 % more memory: found, peak and kept bytes": lambda rows: found(rows, *MEMORY),
    "the same code: a regression in memory": lambda rows: str(count(rows, "same", MEMORY, "regression")),
}


def spread(reference: Reference) -> str:
    """Say how far runs of the same code were apart."""
    said = []
    for kind in KINDS:
        noise = [
            r["noise"] for r in reference.csv(f"verdicts/{kind}") if (r["new"], r["metric"]) == ("same", "seconds")
        ]
        if noise:
            said.append(f"{100 * median(noise):.0f} % where the machine was {kind}")
    return paragraph(
        f"Two runs' ratio to softmax, of the same code, differed by {' and '.join(said)} (medians of trials)."
        if said
        else ""
    )
