"""What the other scripts of `benchmarks/` measured."""

from statistics import median

from passages._reference import Reference, Row
from passages._words import NONE, blocks, code, paragraph, place, size, table


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


def recbole(reference: Reference) -> str:
    """Say what an epoch takes RecBole and linrec: `benchmarks/peer_recbole.py`."""
    rows = reference.csv("benchmarks/peer_recbole")
    sides: dict[str, list[Row]] = {}
    for row in rows:
        sides.setdefault(row["side"], []).append(row)
    if not {"recbole", "linrec"} <= sides.keys():
        return ""
    (theirs, peak), (ours, own) = (
        (median(r["epoch_seconds"] for r in sides[side]), max(r["peak_bytes"] for r in sides[side]) / 1e9)
        for side in ("recbole", "linrec")
    )
    first = sides["recbole"][0]
    what = f"{first['targets']:,} targets, maxlen 50, width 128, 8 heads, 2 layers"
    return paragraph(
        f"**Beside RecBole {first['recbole']}** (SASRec, ml-100k unfiltered, {what}, {place(first)}): an epoch takes"
        f" RecBole {theirs:,.0f} s (extrapolated from {first['batches']} batches) and linrec {ours:,.1f} s, because"
        " every position is trained at once and not one sample a prefix."
        f" Peak resident memory of the whole process: {peak:.1f} GB against {own:.1f} GB."
        " `benchmarks/peer_recbole.py` repeats it."
    )


def prepare(reference: Reference) -> str:
    """Say what preparing a large file takes: `benchmarks/prepare.py`."""
    rows = reference.csv("benchmarks/prepare")
    said = " and ".join(f"{r['seconds']:.0f} s and {r['peak_bytes'] / 1e9:.1f} GB from {r['file']}" for r in rows)
    return paragraph(
        f"**Preparing** {rows[0]['rows']:,} shuffled rows on {place(rows[0])}: {said} (`{rows[0]['command']}`)."
        if rows
        else ""
    )


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
        "benchmarks/peer_recbole": "RecBole beside linrec (`benchmarks/peer_recbole.py`)",
        "benchmarks/prepare": "preparing 20 million rows (`benchmarks/prepare.py`)",
    }
    gpu = (
        []
        if any(reference.root.glob("results/reference/cuda/runs/*"))
        else ["anything on a GPU (`bash benchmarks/reference.sh cuda`)"]
    )
    lacking = gpu + [title for name, title in named.items() if not reference.csv(name)]
    return paragraph(f"**Not measured yet**: {'; '.join(lacking)}." if lacking else "")
