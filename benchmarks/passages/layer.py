"""What the layer and a training step cost over lengths."""

from linrec_cli.analysis.labels import mechanism
from passages._profile import HEADS, WIDTH, Profile, find, footnote
from passages._reference import Reference
from passages._words import NONE, blocks, code, milliseconds, paragraph, place, size, table, times

BASE, NAIVE, OURS, GATED = "softmax", "softmax-naive", "linear", "linear-gated"
LENGTHS, LONG = (128, 512, 2048, 8192), (2048, 8192)
TOKENS, MANY, FEW = 16_384, 131_072, 1600
TITLES = {BASE: "softmax (fused)"}
RIVALS = {BASE: "fused softmax", NAIVE: "the unfused softmax that published speed-ups were measured with"}


def layer(reference: Reference) -> Profile:
    """Find the profile of the layer."""
    return find(reference, "attention", LENGTHS, tokens=TOKENS)


def step(reference: Reference) -> Profile:
    """Find the profile of a training step."""
    return find(reference, "step", LENGTHS, tokens=TOKENS)


def made(reference: Reference) -> str:
    """Say on what the layer was measured."""
    found = layer(reference)
    what = f"The layer, forward and backward, at {TOKENS:,} tokens a batch, width {WIDTH}, {HEADS} heads"
    return paragraph(f"{what}, on {place(found.first)}:" if found else f"{what}: not measured yet.")


def costs(reference: Reference) -> str:
    """Make the table of docs/costs.md: time and memory of the layer, and the ratio of a step."""
    found, whole, lines = layer(reference), step(reference), []
    names = [name for name in (BASE, NAIVE, OURS, GATED) if name in found.names]
    for maxlen in LENGTHS if found else ():
        cells = [cell(found, name, maxlen) for name in names]
        lines.append([f"{maxlen:,}", *cells, whole.slower(OURS, BASE, maxlen)])
    return footnote(table(["maxlen", *(TITLES.get(n, n) for n in names), "a training step, linear/softmax"], lines))


def cell(found: Profile, name: str, maxlen: int) -> str:
    """Write a time and a peak."""
    seconds, peak = found.seconds(name, maxlen), found.peak(name, maxlen)
    return (milliseconds(seconds) + found.contended(name, maxlen) if seconds else NONE) + (
        f", {size(peak)}" if peak else ""
    )


def gains(reference: Reference) -> str:
    """Say what `linear` saves at the longest length, against fused and against unfused softmax."""
    found, longest, said = layer(reference), LENGTHS[-1], []
    for base, title in RIVALS.items():
        slow, fast, theirs, ours = (get(n, longest) for get in (found.seconds, found.peak) for n in (base, OURS))
        beside = found.contended(base, longest) or found.contended(OURS, longest)
        if slow and fast and theirs and ours:
            busy = " (timed while other processes took the cores)" if beside else ""
            said.append(f"against {title} it {faster(slow, fast)}{busy} and {needs(theirs, ours)}")
    return paragraph(f"`linear` at {longest:,} positions: {'; '.join(said)}." if said else "", many(reference))


def faster(theirs: float, ours: float) -> str:
    """Write how much faster something is."""
    return (
        f"is {times(theirs / ours)} times faster" if theirs >= ours else f"takes {times(ours / theirs)} times as long"
    )


def needs(theirs: float, ours: float) -> str:
    """Write how much less memory something needs."""
    less = theirs >= ours
    return (
        f"needs {times(theirs / ours)} times less memory" if less else f"needs {times(ours / theirs)} times the memory"
    )


def many(reference: Reference) -> str:
    """Say what a batch of many more tokens takes."""
    found = find(reference, "attention", LONG, tokens=MANY)
    taken = [[found.seconds(name, maxlen) for maxlen in LONG] for name in (OURS, BASE)]
    if not all(all(pair) for pair in taken):
        return ""
    ours, theirs = (" and ".join(milliseconds(seconds or 0) for seconds in pair) for pair in taken)
    return f"With {MANY:,} tokens it takes {ours} at {LONG[0]:,} and {LONG[1]:,}, softmax {theirs}."


def picture(reference: Reference) -> str:
    """Show the figure of the layer."""
    found = layer(reference)
    path = reference.figure("{}-length.png", found.first, TOKENS) if found else ""
    return f"![Time, speed-up and memory of the attention layer over sequence length](../{path})" if path else ""


def over_lengths(reference: Reference) -> str:
    """Make the tables of ratios to fused softmax over lengths, of the layer and of a step."""
    found = {"The layer": layer(reference), "A training step": step(reference)}
    return footnote(blocks(*(ratios(profile, title) for title, profile in found.items())))


def ratios(found: Profile, title: str) -> str:
    """Make a table of a profile: a line a length, a column a mechanism, time and memory against fused softmax."""
    if not found:
        return ""
    names = [name for name in found.names if name != BASE]
    lines = [
        [f"{maxlen:,}", *(f"{found.slower(n, BASE, maxlen)}, {found.larger(n, BASE, maxlen)}" for n in names)]
        for maxlen in found.lengths
    ]
    heading = f"{title}, {TOKENS:,} tokens a batch, {place(found.first)}; seconds ÷ softmax, peak memory ÷ softmax:"
    return blocks(paragraph(heading), table(["maxlen", *map(code, names)], lines))


def mechanisms(reference: Reference) -> str:
    """Make the table of a training step as ml-100k's trainings take it, all mechanisms, the quickest first."""
    found = find(reference, "step", [200], tokens=FEW)
    if not found:
        return ""
    names = sorted((n for n in found.names if n != BASE), key=lambda n: found.seconds(n, 200) or 0)
    lines = [[code(n), found.slower(n, BASE, 200), found.larger(n, BASE, 200)] for n in names]
    heading = f"A training step at maxlen 200, {FEW:,} tokens a batch, {place(found.first)}:"
    return footnote(blocks(paragraph(heading), table(["", "seconds ÷ softmax", "peak memory ÷ softmax"], lines)))


def crossovers(reference: Reference) -> str:
    """Say from which length on a mechanism is faster than fused softmax."""
    said = []
    for title, found in (("the layer", layer(reference)), ("a training step", step(reference))):
        for row in found.rows:
            if (row["metric"], row["stage"], row["status"]) == ("crossover", BASE, "ok"):
                where = f"from {row['value']:,.0f} positions on" if row["value"] else row["note"].partition(";")[0]
                said.append(f"{title} of {code(mechanism(row))} {where}")
    return paragraph(f"Faster than fused softmax: {'; '.join(said)}." if said else "")
