"""What the other scripts of `benchmarks/` measured."""

from statistics import median

from passages._reference import Reference, Row
from passages._words import blocks, code, paragraph, place, table


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
    size = f"{first['tokens']:,} tokens, width {first['width']}, ms and ratios"
    heading = paragraph(f"{size}, on {place(first)} (`{first['command']}`):")
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
    size = f"{first['targets']:,} targets, maxlen 50, width 128, 8 heads, 2 layers"
    return paragraph(
        f"**Beside RecBole {first['recbole']}** (SASRec, ml-100k unfiltered, {size}, {place(first)}): an epoch takes"
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
