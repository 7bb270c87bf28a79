"""What a person reads of a profile: a table a phase and size, a line a mechanism and length."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from linrec_cli.analysis import phases
from linrec_cli.analysis.labels import mechanism
from linrec_cli.analysis.numbers import short
from linrec_cli.analysis.reading import NEEDED, Row, Rows, distinct, like, parts, read
from linrec_cli.results.schema import MACHINE

Line = Mapping[str, Row]
"""A mechanism's rows at a length, one a metric."""

SIZE = ("model", "width", "heads", "dtype")
LAYER = pl.col("model").is_null()
"""Rows of a mechanism's layer alone: a whole model's form is its own affair."""
UNFUSED = (
    pl.col("kernel").str.contains("sdpa.math", literal=True)
    & ~pl.col("device").str.starts_with("cpu").fill_null(False)
    & (pl.col("dtype") == "float32")
    & (pl.col("width") // pl.col("heads") % 4 != 0)
    # One query has as many scores as there are keys.
    & (pl.col("way").fill_null("") != "cache")
)
"""Rows of heads that no fused kernel for CUDA takes: torch then keeps every score."""
KNOWN = {"skipped": "skipped, ", "ok": ""}
"""Ends of which one line tells all lengths, and how they begin there."""


@dataclass(frozen=True)
class Table:
    """What is shown together: a phase, its `size` (width, heads, dtype), columns, lines, and the kernels that ran."""

    phase: str
    size: dict[str, Any]
    columns: list[str]
    lines: list[list[str]]
    kernels: str

    @property
    def sized(self) -> str:
        """Write the size in words."""
        return ", ".join(f"{name} {value}" for name, value in self.size.items() if value is not None)


def tables(rows: Rows) -> Iterator[Table]:
    """Make a table of each phase and size; a column that would be empty is left out."""
    table = read(rows).filter(~pl.col("metric").str.starts_with("gpu_"))
    order = [*phases.ordered(), *distinct(table.filter(pl.col("phase") != MACHINE), "phase")]
    for phase in dict.fromkeys(order):
        for mine in parts(table.filter(phase=phase), SIZE):
            cells = [[write(line, first) for write in COLUMNS.values()] for line, first in lines(mine)]
            filled = {name for name, *column in zip(COLUMNS, *cells, strict=True) if {*column} != {"-"}}
            kept = [name in filled and name not in phases.left_out(phase) for name in COLUMNS]
            shown = [[text for text, keep in zip(line, kept, strict=True) if keep] for line in ([*COLUMNS], *cells)]
            yield Table(phase, mine.select(SIZE).row(0, named=True), shown[0], shown[1:], kernels(mine))


def lines(rows: pl.DataFrame) -> Iterator[tuple[Line, Line]]:
    """Give each line of a phase, shortest length first, beside the first line of its length."""
    # What failed has no way: it has a line of its own.
    ways = rows.select("mechanism", "way").unique(maintain_order=True).to_dicts()
    needed = rows.filter(pl.col("counter").is_null() | pl.col("counter").is_in(NEEDED))
    for same in parts(needed.sort("maxlen", maintain_order=True), ["maxlen"]):
        first: Line = {}
        for way in ways:
            line = {row["metric"]: row for row in like(same, way, [*way]).iter_rows(named=True)}
            if line:
                first = first or line
                yield line, first


def one(line: Line) -> Row:
    """Find a row of a line, to say what the line is of."""
    return next(iter(line.values()))


ABOVE = 1.25
"""From how many times the GPU's time on a wall time says that its host holds it up."""
DIRECT = ("seconds", "peak_bytes", "saved_bytes")
"""Metrics whose column says why there is no number; the others follow from them."""


def value(metric: str, factor: float, digits: str) -> Callable[[Line, Line], str]:
    """Make the writer of a metric: its number, or why there is none."""

    def write(line: Line, first: Line) -> str:
        row = line.get(metric, {})
        if row.get("value") is None:
            return row.get("status", "-") if metric in DIRECT else "-"
        number = factor * row["value"]
        return format(number, digits if number < 1e4 or digits.endswith("%") else ",.0f")

    return write


def spread(line: Line, first: Line) -> str:
    """Write half of what lies between the 20 % and the 80 % quantile of a time, as a share of it."""
    row = line.get("seconds", {})
    several = row.get("low") and row["value"] and len(row["samples"] or ()) != 1
    return f"{(row['high'] - row['low']) / row['value'] / 2:.0%}" if several else "-"


def ratio(line: Line, first: Line) -> str:
    """Write a time as a multiple of the first line's."""
    mine, other = (one.get("seconds", {}).get("value") for one in (line, first))
    if mine is None or not other:
        return "-"
    times = mine / other
    return f"{times:.{2 if times < 10 else 1 if times < 100 else 0}f}x"


def launching(line: Line) -> bool:
    """Tell whether a line's wall time is clearly above the GPU's: then launches are what takes the time."""
    wall, own = (line.get(metric, {}).get("value") or 0.0 for metric in ("wall_seconds", "seconds"))
    return bool(wall > ABOVE * own > 0)


def kernels(rows: pl.DataFrame) -> str:
    """Write which kernels ran, and for which mechanisms."""
    ran = parts(rows.filter(pl.col("kernel").fill_null("") != ""), ["kernel"])
    return "; ".join(f"{same['kernel'][0]}: {', '.join(distinct(same, 'mechanism'))}" for same in ran)


COLUMNS: dict[str, Callable[[Line, Line], str]] = {
    "maxlen": lambda line, first: str(one(line)["maxlen"]),
    "attention": lambda line, first: one(line)["mechanism"] or "-",
    "way": lambda line, first: one(line)["way"] or "-",
    "ms": value("seconds", 1e3, ",.4g"),
    "±": spread,
    "ratio": ratio,
    "wall": value("wall_seconds", 1e3, ",.4g"),
    "users/s": value("users_per_second", 1, ",.0f"),
    "peak MiB": value("peak_bytes", 2**-20, ",.1f"),
    "kept MiB": value("saved_bytes", 2**-20, ",.1f"),
    "kept KiB": value("state_bytes", 2**-10, ",.1f"),
    "roof": value("roofline_share", 1, ".0%"),
    "J": value("joules", 1, ",.4g"),
}
"""What a line shows, by the name of its column; `wall` is in ms too."""


def notes(rows: Rows) -> list[str]:
    """Write the machine's ceilings, why cells were not measured, and which times to distrust: a line a reason."""
    table = read(rows)
    told: dict[str, None] = {}
    shared: dict[tuple[str, str], list[int]] = {}
    for row in table.iter_rows(named=True):
        if row["phase"] == MACHINE:
            told[ceiling(row)] = None
        elif row["note"] and row["status"] in KNOWN:
            shared.setdefault((mechanism(row), KNOWN[row["status"]] + row["note"]), []).append(row["maxlen"])
        elif row["note"]:
            told[f"{mechanism(row)} at {row['maxlen']}: {row['status']}, {row['note']}"] = None
    lengths = sorted({*distinct(table, "maxlen")})
    told |= {f"{name} {which(some, lengths)}: {note}": None for (name, note), some in shared.items()}
    for reason, chosen in (
        ("in its bidirectional form, as it has no causal one", (pl.col("form") == "bidirectional") & LAYER),
        ("timed while others were using the cores or the GPU", pl.col("contended")),
        ("on torch's quadratic kernel, as float32 heads of no multiple of 4 channels are", UNFUSED),
    ):
        if names := distinct(table.filter(chosen), "mechanism"):
            told[f"{reason}: {', '.join(names)}"] = None
    return [*told, *launched(table, lengths)]


def launched(table: pl.DataFrame, lengths: Sequence[int]) -> Iterator[str]:
    """Write a line a phase of the times on a GPU that are bound by how fast its host launches."""
    for phase in parts(table.filter(pl.col("phase") != MACHINE), ["phase"]):
        found: dict[str, list[int]] = {}
        for line in (line for same in parts(phase, SIZE) for line, _ in lines(same)):
            if launching(line):
                found.setdefault(mechanism(one(line)), []).append(one(line)["maxlen"])
        if found:
            places = "; ".join(f"{name} {which(some, lengths)}" for name, some in found.items())
            yield f"bound by launches, the wall time over {ABOVE:g} x the GPU's, {phase['phase'][0]}: {places}"


def which(some: Sequence[int], lengths: Sequence[int]) -> str:
    """Write which of all lengths some are: `from 128 on`, or each of them."""
    chosen = sorted({*some})
    if chosen == lengths[-len(chosen) :]:
        return f"from {chosen[0]} on"
    return f"at {', '.join(map(str, chosen))}"


def ceiling(row: Row) -> str:
    """Write what the machine can do, or why that is not known."""
    if row["value"] is None:
        return str(row["note"])
    number = f"{short(row['value'] / 1e9)} {'GB' if row['stage'] == 'copy' else 'billion operations'}"
    return f"ceiling of {row['stage']}, {row['dtype']}: {number} a second"


def line(rows: Rows) -> str:
    """Write a cell's rows as one line, by the first, which stands for the whole of them."""
    table = read(rows)
    # A part of a phase comes before it.
    row = table.filter(~pl.col("phase").is_in([*phases.wholes()])).head(1).to_dicts() or table.head(1).to_dicts()
    return told(row[0])


def told(row: Row) -> str:
    """Write a row of a cell: its number, or why there is none."""
    if row["phase"] == MACHINE:
        return ceiling(row)
    column, unit = ("ms", "ms") if row["metric"] == "seconds" else ("peak MiB", "MiB")
    number = f"{COLUMNS[column]({row['metric']: row}, {})} {unit}"
    text = number if row["value"] is not None else f"{row['metric']} {row['status']}: {row['note']}"
    return f"{row['phase']} {mechanism(row)} at {row['maxlen']}: {text}"
