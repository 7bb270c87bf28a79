"""What the other scripts of `benchmarks/` measured."""

import re
from collections import Counter
from statistics import median

from passages._reference import Reference, Row
from passages._words import NONE, blocks, code, number, paragraph, place, size, table


def attention(reference: Reference) -> str:
    """Make the table of `benchmarks/attention.py`: mechanisms' cores in turns."""
    rows = reference.csv("benchmarks/attention")
    if not rows:
        return (
            "Not measured yet: `python benchmarks/attention.py --out results/reference/cpu/benchmarks/attention.csv`."
        )
    names = list(dict.fromkeys(r["attention"] for r in rows))
    found = {(r["heads"], r["length"], r["attention"]): r for r in rows}
    lines = []
    for heads, length in dict.fromkeys((r["heads"], r["length"]) for r in rows):
        mine = [found[heads, length, name] for name in names]
        cells = [f"{r['milliseconds']:.0f}" for r in mine] + [f"{r['ratio']:.2f}" for r in mine[1:]]
        lines.append([str(heads), f"{length:,}", *cells])
    ratios = [f"{name}/{names[0]}" for name in names[1:]]
    first = rows[0]
    what = f"{first['tokens']:,} tokens, width {first['width']}, ms and ratios"
    heading = paragraph(f"{what}, on {place(first)} (`{first['command']}`):")
    return blocks(heading, table(["heads", "length", *map(code, names), *ratios], lines))


def launches(reference: Reference) -> str:
    """Make the table of `benchmarks/launches.py`: what a step hands to a GPU, without graphs and with them."""
    rows = reference.csv("benchmarks/launches")
    if not rows:
        return "Not measured yet: `python benchmarks/launches.py --out results/reference/cpu/benchmarks/launches.csv`."
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row in sorted(rows, key=lambda row: bool(row["graphs"])):
        own = cells.setdefault((row["model"], row["attention"] or NONE, row["form"]), [])
        took = row["milliseconds"]
        own += [f"{sum(row[name] for name in LAUNCHED):.0f}", f"{took:.{1 if took >= 0.1 else 2}f}"]
    # A form is told where there are two.
    forms = Counter((model, attention) for model, attention, _ in cells)
    lines = [
        [code(m), NONE if a == NONE else code(a), FORMS[form] if forms[m, a] > 1 else NONE, *own]
        for (m, a, form), own in cells.items()
    ]
    first = rows[0]
    what = f"{first['tokens']:,} tokens, maxlen {first['maxlen']}, width {first['width']}, {first['heads']} heads"
    heading = paragraph(f"{what}, {first['dtype']}, on {place(first)} (`{first['command']}`):")
    columns = ["launched", "ms", "launched, `--graphs`", "ms, `--graphs`"]
    return blocks(heading, table(["model", "mechanism", "form", *columns], lines))


LAUNCHED = ("launches", "products", "copies", "fills", "replays")
"""All that the host hands to a GPU."""
FORMS = {"plain": "torch's operators", "triton": "Triton"}


def recbole(reference: Reference) -> str:
    """Make the tables of `benchmarks/peers.py`: RecBole's SASRec beside linrec's, a log each."""
    return blocks(*(beside(reference.csv(f"benchmarks/{name}")) for name in PEERS))


PEERS = ("peers", "peers-ml-1m", "peers-ml-1m-kept")
FORMULAS = {"released": "LinRec's released formula"}


def beside(rows: list[Row]) -> str:
    """Make the table of one log; of a side the medians of its rounds."""
    rows = [r for r in rows if r.get("epoch_seconds") is not None]
    if not {"recbole", "linrec"} <= {r["program"] for r in rows}:
        return ""
    sides: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sides.setdefault((row["program"], row["attention"]), []).append(row)
    lines = []
    for (program, attention), own in sides.items():
        name = f"{program if program == 'linrec' else 'RecBole'}, {FORMULAS.get(attention) or code(attention)}"
        epoch, held, prepared, ranked = (
            median(r[column] for r in own)
            for column in ("epoch_seconds", "peak_bytes", "prepare_seconds", "users_per_second")
        )
        ratios = [r["epoch_seconds_ratio"] for r in own if r.get("epoch_seconds_ratio") is not None]
        slower = f"{median(ratios):,.0f}" if ratios else NONE
        lines.append(
            [name, f"{epoch:,.{0 if epoch >= 10 else 1}f}", slower, size(held), f"{prepared:,.1f}", f"{ranked:,.0f}"]
        )
    first = rows[0]
    command = re.sub(r" --(environment|data-dir) \S+", "", first["command"])
    # What is set for it stands in front.
    command = f"{first['malloc']} {command}" if first.get("malloc") else command
    heading = paragraph(
        f"**Beside RecBole {first['recbole']}**: SASRec on all of {code(first['data'])}, {first['targets']:,} targets,"
        f" maxlen {first['maxlen']}, width {first['width']}, {first['heads']} heads, {first['layers']} layers, on"
        f" {place(first)} (`{command}`), CPU seconds; RecBole's epoch, a sample a prefix, is extrapolated from"
        f" {first['batches']} batches of {first['batch']:,}, linrec's, every position at once, is real:"
    )
    heads = ["", "s an epoch", "times linrec's", "peak of the process", "s to prepare", "users ranked a s"]
    return blocks(heading, table(heads, lines))


def prepare(reference: Reference) -> str:
    """Say what preparing a large file takes: `benchmarks/prepare.py`."""
    rows = reference.csv("benchmarks/prepare")
    said = " and ".join(f"{r['seconds']:.0f} s and {r['peak_bytes'] / 1e9:.1f} GB from {r['file']}" for r in rows)
    return paragraph(
        f"**Preparing** {rows[0]['rows']:,} shuffled rows on {place(rows[0])}: {said} (`{rows[0]['command']}`)."
        if rows
        else ""
    )


def advise(reference: Reference) -> str:
    """Hold what `linrec advise` said against real epochs: `benchmarks/advise.py`."""
    rows, lines = reference.csv("benchmarks/advise"), []
    for row in rows:
        said, took = (row[f"epoch{end}"] + row[f"evaluation{end}"] for end in ("_said", ""))
        times = [f"{said:.2f} s", f"{took:.2f} s", number(row["ratio"])]
        lines.append([code(row["attention"]), str(row["maxlen"]), *times])
    heads = ["", "maxlen", "said", "took", "took/said"]
    if not rows:
        return ""
    made = f"`{rows[0]['data']}`, an epoch and its validation, on {place(rows[0])} ({code(rows[0]['command'])}):"
    worst = max(abs(row["ratio"] - 1) for row in rows)
    return blocks(paragraph(made), table(heads, lines), paragraph(f"The worst is off by {worst:.0%}."))


def processes(reference: Reference) -> str:
    """Make the table of `benchmarks/processes.py`: targets a second of several processes, beside one."""
    rows, ways = reference.csv("benchmarks/processes"), {}
    for row in rows:
        ways.setdefault((row["tokens"], row["processes"], row["threads_each"]), []).append(row)
    lines = []
    for (tokens, several, threads), own in ways.items():
        speed, ratio = (median(row[name] for row in own) for name in ("targets_per_second", "ratio"))
        star = "\\*" if any(row["contended"] for row in own) else ""
        lines.append([f"{tokens:,}", str(several), str(threads), f"{speed:,.0f}{star}", f"{ratio:.2f}{star}"])
    if not lines:
        return ""
    first = rows[0]
    made = f"`{first['data']}`, {code(first['attention'])}, maxlen {first['maxlen']}, width {first['width']}"
    heading = paragraph(f"{made}, {first['layers']} layers, on {place(first)} ({code(first['command'])}):")
    heads = ["tokens a batch", "processes", "threads of each", "targets a second", "of the first"]
    return blocks(heading, table(heads, lines), beside_others(lines))


def beside_others(lines: list[list[str]]) -> str:
    """Say what the mark means, where one stands."""
    marked = any("\\*" in cell for line in lines for cell in line)
    return paragraph("\\* measured while other processes took the cores.") if marked else ""


SERIES = {
    "history": ("a training step on one history, {name}", "events"),
    "catalog": ("a training step on {tokens:,} positions, {name}", "items"),
    "users": ("{name}, {events} events a user", "users"),
}
"""What the parts of `benchmarks/scale.py` are, and in what their size is counted."""


def scale(reference: Reference) -> str:
    """Make the table of `benchmarks/scale.py`: how costs grow with one history, the catalog and the users."""
    rows = reference.csv("benchmarks/scale")
    series: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        series.setdefault((row["part"], row["name"]), []).append(row)
    lines = []
    for (part, name), every in series.items():
        known = [r for r in every if r["seconds"] is not None]
        title, unit = SERIES[part]
        asked = every[0] | {"name": code(name), "tokens": (every[0]["batch"] or 0) * (every[0]["maxlen"] or 0)}
        sizes = f"{known[0]['size']:,} to {known[-1]['size']:,} {unit}" if known else NONE
        ends = [f"{known[-1]['seconds']:,.2g} s", size(known[-1]["peak_bytes"])] if known else [NONE] * 2
        slopes = [slope(known, f"{cost}_slope_overall") for cost in ("time", "memory")]
        beyond = [r for r in every if r["seconds"] is None]
        why = f"{beyond[0]['size']:,}: {beyond[0]['note']}" if beyond else ""
        lines.append([title.format(**asked), sizes, *ends, *slopes, why])
    if not lines:
        return ""
    heading = paragraph(f"Width {rows[0]['width']}, on {place(rows[0])} (`{rows[0]['command']}`):")
    return blocks(
        heading, table(["", "from, to", "at the last", "peak", "time grows", "memory grows", "beyond"], lines)
    )


def slope(rows: list[Row], column: str) -> str:
    """Write the exponent of a growth."""
    found = rows[0][column] if rows else None
    return NONE if found is None else f"n^{found:.2f}"


def stream(reference: Reference) -> str:
    """Make the table of `benchmarks/stream.py`: an event of a stream, and the whole history read again."""
    rows = reference.csv("benchmarks/stream")
    if not rows:
        return "Not measured yet: `python benchmarks/stream.py --out results/reference/cpu/benchmarks/stream.csv`."
    found = {(r["attention"], r["way"], r["history"]): r for r in rows}
    names = list(dict.fromkeys(r["attention"] for r in rows))
    streamed, again = ([r for r in rows if r["way"] == way] for way in ("stream", "recomputation"))
    ways = [(name, way) for name in names for way in ("stream", "recomputation")]
    lines = [
        [f"{length:,}", *(taken(found.get((*way, length))) for way in ways)]
        for length in sorted({r["history"] for r in again})
    ]
    heads = [f"{code(name)}, {'stream' if way == 'stream' else 'all read again'}" for name, way in ways]
    first, events = streamed[0], sum(r["events"] for r in streamed)
    what = f"{events:,} events, windows of {first['maxlen']}, {first['items']:,} items, width {first['width']}"
    heading = paragraph(f"{what}, median and 99th percentile in ms, on {place(first)} (`{first['command']}`):")
    return blocks(
        heading, table(["events so far", *heads], lines), paragraph(*(flat(streamed, name) for name in names))
    )


def taken(row: Row | None) -> str:
    """Write the median time of an event, and the 99th percentile."""
    return f"{row['median_ms']:.2f} ({row['p99_ms']:.2f})" if row else NONE


def flat(rows: list[Row], name: str) -> str:
    """Say between which medians the events of a mechanism stay once its windows are full, and what is kept."""
    mine = [r for r in rows if r["attention"] == name]
    full = [r["median_ms"] for r in mine if r["history"] > r["maxlen"]]
    if not full:
        return ""
    span = f"from {mine[0]['maxlen']:,} to {max(r['history'] for r in mine):,} events the median"
    stays = f"stays between {min(full):.2f} and {max(full):.2f} ms"
    return f"{code(name)}: {span} {stays}, and {size(max(r['kept_bytes'] for r in mine))} are kept for a user."


def missing(reference: Reference) -> str:
    """Say what has not been measured yet."""
    named = {
        "benchmarks/peers": "RecBole beside linrec (`benchmarks/peers.py`)",
        "benchmarks/scale": "how costs grow with one history, the catalog and the users (`benchmarks/scale.py`)",
        "benchmarks/prepare": "preparing 20 million rows (`benchmarks/prepare.py`)",
    }
    gpu = (
        []
        if any(reference.root.glob("results/reference/cuda/runs/*"))
        else ["anything on a GPU (`bash benchmarks/reference.sh cuda`)"]
    )
    lacking = gpu + [title for name, title in named.items() if not reference.csv(name)]
    return paragraph(f"**Not measured yet**: {'; '.join(lacking)}." if lacking else "")
