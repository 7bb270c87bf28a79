"""What a sweep says about scaling, in sentences."""

from collections.abc import Iterator, Sequence
from statistics import median

from linrec_cli.analysis.curves import RIVALS, Row, split, told, useful
from linrec_cli.analysis.scaling import MADE, SLOPES
from linrec_cli.analysis.tables import mechanism, way

PARTS = ("forward", "backward")
"""Phases of which, beside `attention`, slopes and crossovers are in the rows alone."""
SAME = 0.05
"""Two costs that differ by less are called as much."""
ENDS = {"oom": "ran out of memory", "timeout": "ran out of time", "error": "failed"}


def sentences(rows: Sequence[Row]) -> Iterator[str]:
    """Write, for each phase, what to expect of slopes, a line of slopes a mechanism, a line a crossover."""
    made = whole([row for row in rows if row["metric"] in MADE])
    apart = [name for name in RIVALS[1:] if len({row.get(name) for row in made} - {None}) > 1]
    for group in split(made, RIVALS):
        slopes = [row for row in group if row["metric"] != "crossover"]
        rules = dict.fromkeys(row["note"].partition("; ")[2] for row in slopes if row["status"] == "ok")
        what = [group[0]["phase"], *(f"{name} {group[0][name]}" for name in apart if group[0].get(name) is not None)]
        yield f"{', '.join(what)}: slope of log(cost) over log(length); {'; '.join(rules) or 'none found'}."
        for pair in split([row | {"way": way(row)} for row in slopes], ("attention", "options", "way")):
            name = ", ".join(filter(None, (mechanism(pair[0]), pair[0]["way"])))
            yield f"  {name}: {slopes_of(pair)}."
        measured = [row for row in rows if useful(row) and all(row.get(n) == group[0].get(n) for n in RIVALS)]
        for row in group:
            if row["metric"] == "crossover":
                yield f"  {crossover(row, measured)}."


def whole(rows: Sequence[Row]) -> list[Row]:
    """Leave out the parts of the layer where there is the whole."""
    parts = PARTS if any(row["phase"] == "attention" for row in rows) else ()
    return [row for row in rows if row["phase"] not in parts]


def headlines(rows: Sequence[Row]) -> Iterator[str]:
    """Write the crossovers alone, against the first baseline of each phase and not of its parts."""
    for group in split(whole([row for row in rows if row["metric"] == "crossover"]), RIVALS):
        measured = [row for row in rows if useful(row) and all(row.get(n) == group[0].get(n) for n in RIVALS)]
        for row in group:
            if row["stage"] == group[0]["stage"]:
                yield f"{row['phase']}: {crossover(row, measured)}"


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
    numbers = [row[column] for column in ("value", "low", "high") if row.get(column) is not None]
    # A sum with 0 turns -0.00 into 0.00.
    value, *interval = (f"{round(number, 2) + 0.0:.2f}" for number in numbers)
    within = f" ({' to '.join(interval)})" if interval else ""
    return f"{name} {value}{within} {row['note'].partition(';')[0]}"


def crossover(row: Row, measured: Sequence[Row]) -> str:
    """Write where a mechanism overtakes a baseline, what it gains at the longest common length, and what failed."""
    ours, theirs, note = mechanism(row), row["stage"], row["note"]
    if row["status"] != "ok":
        return f"{ours} against {theirs}: {note}"
    where, *ways = note.split("; ")
    word, _, rest = where.partition(" ")
    starts = f"{ours} is {word} faster than {theirs}, {rest}"
    if row.get("value") is not None:
        low, high = (f"{row[name]:,.0f}" if row.get(name) is not None else "?" for name in ("low", "high"))
        # Of one sample a length there is no interval.
        within = f", {low} to {high}" if {low, high} != {"?"} else ""
        starts = f"{ours} overtakes {theirs} {where} (at {row['value']:,.0f}{within})"
    mine, baseline = (costs(measured, name) for name in (ours, theirs))
    longest = max(mine.keys() & baseline.keys())
    gains = gain(*zip(baseline[longest], mine[longest], strict=True))
    return "; ".join([starts, *ways, f"at {longest:,} it {gains}", *ended(measured, (ours, theirs), longest)])


def costs(rows: Sequence[Row], name: str) -> dict[int, tuple[float, float]]:
    """List seconds and bytes (0: unknown) of a mechanism at each length, by the fastest way it has there."""
    found: dict[int, tuple[float, float]] = {}
    mine = [row | {"way": way(row)} for row in rows if mechanism(row) == name and told(row)]
    for same in split(mine, ("maxlen", "way")):
        seconds, peaks = ([row["value"] for row in same if row["metric"] == metric] for metric in SLOPES)
        if seconds:
            cost = median(seconds), median(peaks or [0.0])
            found[same[0]["maxlen"]] = min(cost, found.get(same[0]["maxlen"], cost))
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


def ended(rows: Sequence[Row], names: Sequence[str], longest: int) -> Iterator[str]:
    """Say which of the mechanisms failed at a longer length."""
    for name in names:
        later = [row for row in rows if mechanism(row) == name and row["maxlen"] > longest]
        failed = sorted((row["maxlen"], row["status"]) for row in later if row["status"] in ENDS)
        if failed:
            yield f"at {failed[0][0]:,} {name} {ENDS[failed[0][1]]}"
