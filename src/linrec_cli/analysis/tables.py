"""What a person reads of a profile: a table a phase and size, a line a mechanism and length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Line = dict[str, Row]
"""A mechanism's rows at a length, one a metric."""

COUNTERS = ("rss", "allocated")
"""The counters that say what the algorithm needs; the others are in the rows alone."""
PHASES = ("attention", "forward", "backward", "encoder", "step", "evaluate", "serve", "compile")
"""In the order they are shown: the whole before its parts."""
SIZE = ("model", "width", "heads", "dtype")


@dataclass(frozen=True)
class Table:
    """What is shown together: a phase, its `size` (width, heads, dtype), columns, lines, and the kernels that ran."""

    phase: str
    size: dict[str, Any]
    columns: list[str]
    lines: list[list[str]]
    kernels: str


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Make a table of each phase and size; a column that would be empty is left out."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row["phase"] in PHASES and not row["metric"].startswith("gpu_"):
            groups.setdefault((row["phase"], *(row.get(name) for name in SIZE)), []).append(row)
    for (phase, *size), mine in sorted(groups.items(), key=lambda group: PHASES.index(group[0][0])):
        cells = [[write(line, first) for write in COLUMNS.values()] for line, first in lines(mine)]
        filled = {name for name, *column in zip(COLUMNS, *cells, strict=True) if {*column} != {"-"}}
        kept = [place for place, name in enumerate(COLUMNS) if name in filled - ROOM.get(phase, set())]
        shown = [[line[place] for place in kept] for line in ([*COLUMNS], *cells)]
        yield Table(phase, dict(zip(SIZE, size, strict=True)), shown[0], shown[1:], kernels(mine))


def lines(rows: Sequence[Row]) -> Iterator[tuple[Line, Line]]:
    """Give each line of a phase, shortest length first, beside the first line of its length."""
    # What failed has no way: it has a line of its own.
    ways = dict.fromkeys((mechanism(row), way(row)) for row in rows)
    for maxlen in sorted({row["maxlen"] for row in rows}):
        first: Line = {}
        for own in ways:
            same = [row for row in rows if (mechanism(row), way(row)) == own and row["maxlen"] == maxlen]
            line = {row["metric"]: row for row in same if counter(row) in (None, *COUNTERS)}
            if line:
                first = first or line
                yield line, first


def mechanism(row: Row) -> str:
    """Write a mechanism with its options."""
    return ":".join(filter(None, (row.get("attention"), row.get("options"))))


def way(row: Row) -> str | None:
    """Tell the way that a row of `serve` is of."""
    return (row.get("stage") or "").partition(".")[0] or None if row["phase"] == "serve" else None


def counter(row: Row) -> str | None:
    """Tell which counter of memory a row is of."""
    stage = row.get("stage")
    return (stage or "").partition(".")[2] or None if row["phase"] == "serve" else stage


def one(line: Line) -> Row:
    """Find a row of a line, to say what the line is of."""
    return next(iter(line.values()))


DIRECT = ("seconds", "peak_bytes", "saved_bytes")
"""Metrics whose column says why there is no number; the others follow from them."""


def value(metric: str, factor: float, digits: str) -> Callable[[Line, Line], str]:
    """Make the writer of a metric: its number, or why there is none."""

    def write(line: Line, first: Line) -> str:
        row = line.get(metric, {})
        if "value" not in row:
            return row.get("status", "-") if metric in DIRECT else "-"
        number = factor * row["value"]
        return format(number, digits if number < 1e4 or digits.endswith("%") else ",.0f")

    return write


def spread(line: Line, first: Line) -> str:
    """Write half of what lies between the 20 % and the 80 % quantile of a time, as a share of it."""
    row = line.get("seconds", {})
    several = row.get("low") and row["value"] and len(row.get("samples") or ()) != 1
    return f"{(row['high'] - row['low']) / row['value'] / 2:.0%}" if several else "-"


def ratio(line: Line, first: Line) -> str:
    """Write a time as a multiple of the first line's."""
    mine, other = line.get("seconds", {}), first.get("seconds", {})
    if "value" not in mine or not other.get("value"):
        return "-"
    times = mine["value"] / other["value"]
    return f"{times:.{2 if times < 10 else 1 if times < 100 else 0}f}x"


def kernels(rows: Sequence[Row]) -> str:
    """Write which kernels ran, and for which mechanisms."""
    ran: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.get("kernel"):
            ran.setdefault(row["kernel"], {})[mechanism(row)] = None
    return "; ".join(f"{kernel}: {', '.join(names)}" for kernel, names in ran.items())


COLUMNS: dict[str, Callable[[Line, Line], str]] = {
    "maxlen": lambda line, first: str(one(line)["maxlen"]),
    "attention": lambda line, first: mechanism(one(line)),
    "way": lambda line, first: way(one(line)) or "-",
    "ms": value("seconds", 1e3, ",.4g"),
    "±": spread,
    "ratio": ratio,
    "users/s": value("users_per_second", 1, ",.0f"),
    "peak MiB": value("peak_bytes", 2**-20, ",.1f"),
    "kept MiB": value("saved_bytes", 2**-20, ",.1f"),
    "kept KiB": value("state_bytes", 2**-10, ",.1f"),
    "roof": value("roofline_share", 1, ".0%"),
    "joules": value("joules", 1, ".3g"),
}
"""What a line shows, by the name of its column."""
ROOM = {"serve": {"roof", "peak MiB"}}
"""Columns left to the rows, because a line would not fit in a terminal."""


def notes(rows: Sequence[Row]) -> list[str]:
    """Write the machine's ceilings, why cells were not measured, and which times to distrust: a line a reason."""
    told: dict[str, None] = {}
    skipped: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["phase"] == "machine":
            told[ceiling(row)] = None
        elif row.get("note") and row["status"] == "skipped":
            skipped.setdefault((mechanism(row), row["note"]), row["maxlen"])
        elif row.get("note"):
            told[f"{mechanism(row)} at {row['maxlen']}: {row['status']}, {row['note']}"] = None
    told |= {f"{name} from {maxlen} on: skipped, {note}": None for (name, note), maxlen in skipped.items()}
    for reason, chosen in (
        ("in its bidirectional form, as it has no causal one", lambda row: row.get("form") == "bidirectional"),
        ("timed while others were using the cores or the GPU", lambda row: row.get("contended")),
    ):
        if names := {mechanism(row): None for row in rows if chosen(row)}:
            told[f"{reason}: {', '.join(names)}"] = None
    return list(told)


def ceiling(row: Row) -> str:
    """Write what the machine can do, or why that is not known."""
    if "value" not in row:
        return row["note"]
    number = f"{row['value'] / 1e9:,.4g} {'GB' if row['stage'] == 'copy' else 'billion operations'}"
    return f"ceiling of {row['stage']}, {row['dtype']}: {number} a second"


def line(rows: Sequence[Row]) -> str:
    """Write a cell's rows as one line, by the first, which stands for the whole of them."""
    row = next((row for row in rows if row["phase"] in ("attention", "machine")), rows[0])
    if row["phase"] == "machine":
        return ceiling(row)
    column, unit = ("ms", "ms") if row["metric"] == "seconds" else ("peak MiB", "MiB")
    number = f"{COLUMNS[column]({row['metric']: row}, {})} {unit}"
    text = number if "value" in row else f"{row['metric']} {row['status']}: {row.get('note')}"
    return f"{row['phase']} {mechanism(row)} at {row['maxlen']}: {text}"
