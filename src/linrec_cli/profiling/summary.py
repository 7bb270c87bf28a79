"""What a person reads of a profile: a table a phase, a line a mechanism and length."""

from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]
COLUMNS = ("maxlen", "attention", "ms", "20 - 80 %", "ratio", "peak MiB", "kernel")
COUNTERS = ("rss", "allocated")
"""The counters that say what the algorithm needs; the others are in the rows alone."""


def phases(rows: Sequence[Row]) -> list[str]:
    """List the phases there are rows of: the whole before its parts."""
    there = {row["phase"] for row in rows}
    return [phase for phase in ("attention", "forward", "backward", "step") if phase in there]


def lines(rows: Sequence[Row], phase: str) -> Iterator[tuple[str, ...]]:
    """Write a phase's lines under `COLUMNS`; the ratio is that of the times to the first mechanism's."""
    mine = [row for row in rows if row["phase"] == phase]
    mechanisms = list(dict.fromkeys(map(mechanism, mine)))
    for maxlen in sorted({row["maxlen"] for row in mine}):
        first = one(mine, mechanisms[0], maxlen, "seconds")
        for name in mechanisms:
            time, peak = (one(mine, name, maxlen, metric) for metric in ("seconds", "peak_bytes"))
            yield (str(maxlen), name, milliseconds(time), spread(time), ratio(time, first), mebibytes(peak),
                   time.get("kernel") or peak.get("kernel") or "-")  # fmt: skip


def mechanism(row: Row) -> str:
    """Write a mechanism with its options."""
    return ":".join(filter(None, (row["attention"], row["options"])))


def one(rows: Sequence[Row], name: str, maxlen: int, metric: str) -> Row:
    """Find the row of a mechanism's number; an empty one where it is not there."""
    wanted = (name, maxlen, metric)
    same = (row for row in rows if (mechanism(row), row["maxlen"], row["metric"]) == wanted)
    return next((row for row in same if row.get("stage") in (None, *COUNTERS)), {})


def milliseconds(row: Row) -> str:
    """Write a time in milliseconds, or why there is none."""
    return f"{1000 * row['value']:,.4g}" if "value" in row else row.get("status", "-")


def spread(row: Row) -> str:
    """Write the quantiles of a time in milliseconds."""
    return f"{1000 * row['low']:,.4g} - {1000 * row['high']:,.4g}" if "value" in row else "-"


def ratio(row: Row, first: Row) -> str:
    """Write a time as a multiple of the first mechanism's."""
    return f"{row['value'] / first['value']:.2f}x" if "value" in row and "value" in first else "-"


def mebibytes(row: Row) -> str:
    """Write a peak in MiB, or why there is none."""
    return f"{row['value'] / 2**20:,.1f}" if "value" in row else row.get("status", "-")


def notes(rows: Sequence[Row]) -> list[str]:
    """Write why cells were not measured, and which times to distrust: a line a reason."""
    told: dict[str, None] = {}
    for row in rows:
        if row.get("note") and row["status"] != "skipped":
            told[f"{mechanism(row)} at {row['maxlen']}: {row['status']}, {row['note']}"] = None
    crowded = {mechanism(row): None for row in rows if row.get("contended")}
    if crowded:
        told[f"other processes were using the cores while these were timed: {', '.join(crowded)}"] = None
    return list(told)


def line(rows: Sequence[Row]) -> str:
    """Write a cell's rows as one line, by the row that stands for the whole of them."""
    row = next((row for row in reversed(rows) if row.get("stage") in (None, *COUNTERS)), rows[-1])
    number = milliseconds(row) + " ms" if row["metric"] == "seconds" else mebibytes(row) + " MiB"
    text = number if "value" in row else f"{row['metric']} {row['status']}: {row.get('note')}"
    return f"{row['phase']} {mechanism(row)} at {row['maxlen']}: {text}"
