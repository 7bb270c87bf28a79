"""What length, objective and split do to quality and cost."""

from linrec_cli import catalog
from passages._line import USUAL_SIZE, Line
from passages._reference import Reference
from passages._words import NONE, blocks, code, listed, number, paragraph, place, table
from passages.models import MAXLEN, beside, change, costs, mixing, share, sized
from passages.quality import ML_1M, ML_100K, TELLING, TITLES, USUAL_SPLIT, epochs, lines

LAST = 50
"""Length at which a sample a prefix is compared with all positions at once."""


def over_lengths(reference: Reference) -> list[Line]:
    """Find the trainings on ml-1m with SASRec that differ in mechanism and length alone, at most lengths."""
    setups: dict[object, list[Line]] = {}
    for line in lines(reference):
        if (line.dataset, line.model, line.size) == (ML_1M, "sasrec", USUAL_SIZE) and line.mechanism in TELLING:
            setups.setdefault(line.rows[0]["setup"], []).append(line)
    several = [found for found in setups.values() if len({line.maxlen for line in found}) > 1]
    return max(several, key=len, default=[])


def lengths(reference: Reference) -> str:
    """Make the table of quality and cost over lengths."""
    found = {(line.maxlen, line.mechanism): line for line in over_lengths(reference)}
    rows = []
    for maxlen in sorted({maxlen for maxlen, _ in found}):
        own = [found.get((maxlen, name)) for name in TELLING]
        rows.append([str(maxlen), *[number(line.ndcg, 4) if line else NONE for line in own], *map(an_epoch, own)])
    heads = ["maxlen", *[f"{code(name)}, NDCG@10" for name in TELLING], *[f"{code(name)}, s" for name in TELLING]]
    return blocks(table(heads, rows), beside(rows))


def an_epoch(line: Line | None) -> str:
    """Write seconds an epoch."""
    return NONE if line is None else costs(line.alone)[0]


def made(reference: Reference) -> str:
    """Say how the trainings over lengths were made."""
    found = over_lengths(reference)
    if not found:
        return ""
    most = max(line.values("epochs")[0] for line in found)
    error = max(line.spread for line in found)
    return paragraph(
        f"Each was trained for {most:.0f} epochs at most, one seed, and its best validation epoch tested, on "
        f"{place(found[0].rows[0])}; the standard error over users is {number(error, 4)} at most."
    )


def trend(reference: Reference) -> str:
    """Say what the longest histories give over the shortest, by mechanism, and how far apart mechanisms are there."""
    found = {(line.mechanism, line.maxlen): line for line in over_lengths(reference)}
    lengths = sorted({maxlen for _, maxlen in found})
    if len(lengths) < 2:
        return ""
    ends = [(name, *(found.get((name, maxlen)) for maxlen in (lengths[0], lengths[-1]))) for name in TELLING]
    said = [f"{code(name)} {gained(last, first)}" for name, first, last in ends if first and last]
    best, other = (found.get((name, lengths[-1])) for name in ("linear-gated", "softmax"))
    apart = f" There `linear-gated` is at {gained(best, other)} of softmax." if best and other else ""
    return paragraph(f"From {lengths[0]} to {lengths[-1]}: {listed(said)}.{apart}" if said else "")


def against(reference: Reference) -> str:
    """Say how far mechanisms are from softmax at each length, and where by more than chance."""
    found = {(line.mechanism, line.maxlen): line for line in over_lengths(reference)}
    lengths = sorted({maxlen for name, maxlen in found if name == "softmax"})
    said, errors = [], []
    for name in TELLING[1:]:
        if not (own := [maxlen for maxlen in lengths if (name, maxlen) in found]):
            continue
        changes = [change(found[name, maxlen], found["softmax", maxlen]) for maxlen in own]
        errors += [error for _, error in changes]
        beyond = [str(maxlen) for maxlen, (gain, error) in zip(own, changes, strict=True) if abs(gain) > 2 * error]
        where = f"beyond twice their error at {listed(beyond)}" if beyond else "none beyond twice its error"
        gains = listed([f"{'+' if gain > 0 else ''}{number(gain, 4)}" for gain, _ in changes])
        said.append(f"{code(name)} {gains}, {where}")
    if not errors:
        return ""
    at = f"Beside softmax at {listed(list(map(str, lengths)))} (± {number(max(errors), 4)}, one seed, users unpaired)"
    return paragraph(f"{at}: {'; '.join(said)}.")


def gained(line: Line, plain: Line) -> str:
    """Write how much further one training came than another, and whether that is more than chance."""
    gain, error = change(line, plain)
    beyond = "" if abs(gain) > 2 * error else ", within twice its error"
    return f"{'+' if gain > 0 else ''}{number(gain, 4)} ± {number(error, 4)}{beyond}"


def picture(reference: Reference) -> str:
    """Show the figure over lengths, on a page of `docs/`."""
    found = over_lengths(reference)
    path = reference.figure("train-{}-length.png", found[0].rows[0]) if found else ""
    return f"![Quality, time and memory over lengths on ml-1m](../{path})" if path else ""


def front(reference: Reference) -> str:
    """Show the figure over lengths in the README."""
    return picture(reference).replace("../", "", 1)


def objectives(reference: Reference) -> str:
    """Make the table of a sample a prefix, RecBole's regime, beside all positions at once; then models made for it."""
    found = [line for line in lines(reference) if (line.dataset, line.maxlen) == (ML_100K, LAST)]
    # Of several the latest: it was made beside the other.
    found.sort(key=lambda line: line.rows[0]["created"])
    latest = {(line.model, line.mechanism, line.regime or usual(line.model)): line for line in found}
    chosen = [("sasrec", "linear", objective) for objective in ("next", "last")]
    if not all(key in latest for key in chosen):
        return ""
    made = [key for key in latest if usual(key[0]) == key[2] == "last"]
    rows = []
    for model, name, objective in (*chosen, *sorted(made, key=lambda key: -latest[key].ndcg)):
        line = latest[model, name, objective]
        ndcg = f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}"
        rows.append([code(model), mixing(line), code(objective), ndcg, epochs(line), *costs(line.alone)])
    heads = ["model", "", "objective", "NDCG@10", "best epoch", "s an epoch", "s to best", "MiB"]
    return blocks(table(heads, rows), beside(rows))


def usual(model: str) -> str:
    """Give the objective that is usual for a model."""
    return str(catalog.load("models", catalog.parse(model)[0]).OBJECTIVE)


def splits(reference: Reference) -> str:
    """Make the table of mechanisms under leave-one-out and under a global time split, each with its place."""
    asked, rows = (ML_100K, "sasrec", 200, USUAL_SIZE, ""), []
    for split in (USUAL_SPLIT, "global-time"):
        every = sorted(lines(reference, split), key=lambda line: line.seeds)
        own = [one for one in every if (one.dataset, one.model, one.maxlen, one.size, one.regime) == asked]
        found = {line.mechanism: line for line in own}
        if all(name in found for name in TELLING):
            order = sorted(TELLING, key=lambda name: -found[name].ndcg)
            cells = [f"{number(found[name].ndcg, 4)} ({order.index(name) + 1})" for name in TELLING]
            rows.append([code(split), *cells, number(max(found[name].spread for name in TELLING), 4)])
    return table(["split", *map(code, TELLING), "± at most"], rows) if len(rows) == 2 else ""


def changed(reference: Reference) -> str:
    """Make the table of what a setting of the optimiser, and length in a larger model, add to the usual training."""
    found = lines(reference)
    usual = {key(line): line for line in found if (line.maxlen, line.regime) == (MAXLEN, "")}
    own = [line for line in found if key(line) in usual and (line.asked or larger(line))]
    rows = []
    for line in sorted(own, key=lambda line: (line.dataset != ML_1M, *key(line)[1:3], line.maxlen, line.regime)):
        plain = usual[key(line)]
        gain, error = change(line, plain)
        quality = [number(plain.ndcg, 4), number(line.ndcg, 4), f"{'+' if gain > 0 else ''}{number(gain, 4)}"]
        what = ", ".join(filter(None, (f"maxlen {line.maxlen}" if larger(line) else "", line.regime)))
        first = [TITLES.get(line.dataset, line.dataset), code(line.model), mixing(line), sized(line), what]
        rows.append([*first, *quality, number(error, 4), epochs(line), share(line, plain, "seconds_per_epoch")])
    heads = ["data", "model", "", "width, layers", "changed", "usual", "NDCG@10", "gain", "±", "best epoch", "time"]
    return blocks(table(heads, rows), beside(rows)) if rows else ""


def key(line: Line) -> tuple[str, str, str, tuple[int, int]]:
    """Give what a training shares with the usual one."""
    return line.dataset, line.model, line.mechanism, line.size


def larger(line: Line) -> bool:
    """Tell whether a model that is larger than usual was given another length."""
    return line.size != USUAL_SIZE and line.maxlen != MAXLEN
