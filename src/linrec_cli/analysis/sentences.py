"""What a sweep says about scaling, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from linrec_cli.analysis.curves import METRICS, RIVALS, TELLS, useful
from linrec_cli.analysis.labels import mechanism, with_way
from linrec_cli.analysis.reading import Rows, distinct, like, over_runs, parts, read, whole
from linrec_cli.results.schema import MADE

Row = Mapping[str, Any]

SAME = 0.05
"""Two costs that differ by less are called as much."""
SCATTER = 0.2
"""Half of what lies between the 20 % and the 80 % quantile, as a share of a time, from which on it is told."""
ENDS = {"oom": "ran out of memory", "timeout": "ran out of time", "error": "failed"}


def sentences(rows: Rows) -> Iterator[str]:
    """Write, for each phase, what to expect of slopes, a line of slopes a mechanism, a line a crossover."""
    table = read(rows)
    made = whole(table.filter(pl.col("metric").is_in(MADE)))
    apart = [name for name in RIVALS[1:] if len(distinct(made, name)) > 1]
    for group in parts(made, RIVALS):
        first, slopes = group.row(0, named=True), group.filter(pl.col("metric") != "crossover")
        rules = dict.fromkeys(note.partition("; ")[2] for note in slopes.filter(status="ok")["note"].drop_nulls())
        what = [first["phase"], *(f"{name} {first[name]}" for name in apart if first[name] is not None)]
        yield f"{', '.join(what)}: slope of log(cost) over log(length); {'; '.join(rules) or 'none found'}."
        for line in parts(slopes, ["mechanism", "way"]):
            name = with_way(*line.select("mechanism", "way").row(0))
            yield f"  {name}: {slopes_of(line.to_dicts())}."
        measured = like(useful(table), first, RIVALS)
        for row in group.filter(metric="crossover").iter_rows(named=True):
            yield f"  {crossover(row, measured)}."


def headlines(rows: Rows) -> Iterator[str]:
    """Write the crossovers alone, with their caveats, against the first baseline of each phase and not of its parts."""
    table = read(rows)
    for group in parts(whole(table).filter(metric="crossover"), RIVALS):
        measured = like(useful(table), group.row(0, named=True), RIVALS)
        for row in group.filter(pl.col("stage") == pl.col("stage").first()).iter_rows(named=True):
            yield "; ".join([f"{row['phase']}: {crossover(row, measured)}", *caveats(row, measured)])


def caveats(row: Row, measured: pl.DataFrame) -> Iterator[str]:
    """Say which times of a crossover are too uncertain to be taken as they are: those of the fastest ways, as in it."""
    both = measured.filter(TELLS, pl.col("mechanism").is_in([mechanism(row), row["stage"]]), metric="seconds")
    times = both.sort("value").unique(["mechanism", "maxlen"], keep="first", maintain_order=True)
    if times["contended"].any():
        yield "some of these times were taken while others used the cores or the GPU"
    scatter = times.select(((pl.col("high") - pl.col("low")) / pl.col("value") / 2).max()).item()
    if (scatter or 0.0) > SCATTER:
        yield f"times scatter by up to ±{100 * scatter:.0f} %"


def slopes_of(rows: Sequence[Row]) -> str:
    """Write the slopes of one mechanism, time first; a reason that all have in common once."""
    notes = {row["note"] for row in rows if row["status"] != "ok"}
    if len(rows) > 1 and len(notes) == 1 and all(row["status"] != "ok" for row in rows):
        return f"no slopes ({notes.pop()})"
    return "; ".join(map(slope, sorted(rows, key=lambda row: row["metric"], reverse=True)))


def slope(row: Row) -> str:
    """Write a slope with its interval and its range, or why there is none."""
    name = row["metric"].replace("_", " ")
    if row["status"] != "ok":
        return f"no {name} ({row['note']})"
    numbers = [row[column] for column in ("value", "low", "high") if row[column] is not None]
    # A sum with 0 turns -0.00 into 0.00.
    value, *interval = (f"{round(number, 2) + 0.0:.2f}" for number in numbers)
    within = f" ({' to '.join(interval)})" if interval else ""
    return f"{name} {value}{within} {row['note'].partition(';')[0]}"


def crossover(row: Row, measured: pl.DataFrame) -> str:
    """Write where a mechanism overtakes a baseline, what it gains at the longest common length, and what failed."""
    ours, theirs, note = mechanism(row), row["stage"], row["note"]
    if row["status"] != "ok":
        return f"{ours} against {theirs}: {note}"
    where, *ways = note.split("; ")
    word, _, rest = where.partition(" ")
    starts = f"{ours} is {word} faster than {theirs}, {rest}"
    if row["value"] is not None:
        low, high = (f"{row[name]:,.0f}" if row[name] is not None else "?" for name in ("low", "high"))
        # Of one sample a length there is no interval.
        within = f", {low} to {high}" if {low, high} != {"?"} else ""
        starts = f"{ours} overtakes {theirs} {where} (at {row['value']:,.0f}{within})"
    mine, baseline = (costs(measured, name) for name in (ours, theirs))
    longest = max(mine.keys() & baseline.keys(), default=None)
    # A row that was made of others may be all that a table has left of them.
    if longest is None:
        return "; ".join([starts, *ways])
    gains = gain(*zip(baseline[longest], mine[longest], strict=True))
    return "; ".join([starts, *ways, f"at {longest:,} it {gains}", *ended(measured, (ours, theirs), longest)])


def costs(rows: pl.DataFrame, name: str) -> dict[int, tuple[float, float]]:
    """List seconds and bytes (0: unknown) of a mechanism at each length, by the fastest way it has there."""
    found: dict[int, tuple[float, float]] = {}
    for same in parts(rows.filter(TELLS, mechanism=name), ["maxlen", "way"]):
        seconds, peaks = (same.filter(metric=metric)["value"].to_list() for metric in METRICS)
        if seconds:
            cost, maxlen = (over_runs(seconds), over_runs(peaks or [0.0])), same["maxlen"][0]
            found[maxlen] = min(cost, found.get(maxlen, cost))
    return found


def gain(seconds: tuple[float, float], peaks: tuple[float, float]) -> str:
    """Write how much faster something is and how much less memory it needs; the baseline's number comes first."""
    faster = seconds[0] >= seconds[1]
    time = f"is {ratio(*seconds)} faster" if faster else f"takes {ratio(*seconds)} as long"
    if not all(peaks):
        return time
    if max(peaks) <= (1 + SAME) * min(peaks):
        return f"{time} and needs as much memory"
    less = peaks[0] > peaks[1]
    need = f"{ratio(*peaks)} {'less' if less else 'the'} memory"
    return f"{time} {'and' if less == faster else 'but'} needs {need}"


def ratio(*pair: float) -> str:
    """Write the ratio of the larger of two numbers to the smaller: `1.07x`, `9.1x`, `22x`."""
    value = max(pair) / min(pair)
    return f"{value:,.{2 if value < 2 else 1 if value < 10 else 0}f}x"


def ended(rows: pl.DataFrame, names: Sequence[str], longest: int) -> Iterator[str]:
    """Say which of the mechanisms failed at a longer length."""
    failed = rows.filter(pl.col("maxlen") > longest, pl.col("status").is_in([*ENDS])).sort("maxlen", "status")
    for name in names:
        for maxlen, status in failed.filter(mechanism=name).select("maxlen", "status").head(1).iter_rows():
            yield f"at {maxlen:,} {name} {ENDS[status]}"
