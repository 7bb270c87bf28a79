"""What length, objective and split do to quality and cost."""

from collections import Counter

from linrec_cli import catalog
from passages._difference import beyond, difference, signed
from passages._line import USUAL_SIZE, Line
from passages._reference import Reference
from passages._words import NONE, blocks, code, listed, number, paragraph, place, table
from passages.models import MAXLEN, beside, costs, mixing, share, sized
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
        changes = [difference(found[name, maxlen], found["softmax", maxlen]) for maxlen in own]
        errors += [one.error for one in changes]
        clear = [str(maxlen) for maxlen, more in zip(own, beyond(changes), strict=True) if more]
        where = f"more than chance at {listed(clear)}" if clear else "none more than chance"
        gains = listed([signed(one.gain) for one in changes])
        said.append(f"{code(name)} {gains}, {where}")
    if not errors:
        return ""
    at = f"Beside softmax at {listed(list(map(str, lengths)))} (± {number(max(errors), 4)}, one seed, users unpaired)"
    return paragraph(f"{at}: {'; '.join(said)}.")


def gained(line: Line, plain: Line) -> str:
    """Write how much further one training came than another, and whether that is more than chance."""
    apart = difference(line, plain)
    return f"{apart}{'' if all(beyond([apart])) else ', which may be chance'}"


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
    rows = []
    for split, found in under_splits(reference).items():
        places = {line.mechanism: place for place, line in enumerate(found, 1)}
        own = {line.mechanism: line for line in found}
        cells = [f"{number(own[name].ndcg, 4)} ({places[name]})" for name in TELLING]
        rows.append([code(split), *cells, number(max(line.spread for line in found), 4)])
    return table(["split", *map(code, TELLING), "± at most"], rows) if len(rows) == 2 else ""


def order(reference: Reference) -> str:
    """Say whether the order of mechanisms holds under both splits, and whether neighbours are apart."""
    found = under_splits(reference)
    if len(found) < 2:
        return ""
    first, second = ([line.mechanism for line in ranked] for ranked in found.values())
    holds = f"The order of the three {'holds' if first == second else 'does not hold'}"
    clear = [more for ranked in found.values() for more in beyond([*map(difference, ranked, ranked[1:])])]
    many, pairs = sum(clear), len(clear)
    apart = f"{many} of {pairs} neighbours {'is' if many == 1 else 'are'}" if many else "no neighbours are"
    return paragraph(f"{holds}; {apart} apart by more than chance.")


def under_splits(reference: Reference) -> dict[str, list[Line]]:
    """Find the mechanisms' trainings on ml-100k under each split, the best first; of a split that has not all, none."""
    asked, every = (ML_100K, "sasrec", MAXLEN, USUAL_SIZE, ""), {}
    for split in (USUAL_SPLIT, "global-time"):
        ranked = sorted(lines(reference, split), key=lambda line: line.seeds)
        own = [one for one in ranked if (one.dataset, one.model, one.maxlen, one.size, one.regime) == asked]
        found = {line.mechanism: line for line in own if line.mechanism in TELLING}
        if len(found) == len(TELLING):
            every[split] = sorted(found.values(), key=lambda line: -line.ndcg)
    return every


def widths(reference: Reference) -> str:
    """Make the table of SASRec at several sizes, trained alike otherwise: what width gives, and what it costs."""
    own = [line for line in lines(reference) if (line.maxlen, line.regime, line.model) == (MAXLEN, "", "sasrec")]
    # Of a size that was trained twice, the training that went further.
    own.sort(key=lambda line: (line.seeds, sum(line.values("epochs"))))
    found = {(line.dataset, line.mechanism, line.size): line for line in own}
    many = Counter((dataset, name) for dataset, name, _ in found)
    rows = []
    for dataset, name, size in sorted(found, key=lambda key: (key[0] != ML_1M, *key)):
        if many[dataset, name] > 1 and name in TELLING:
            line = found[dataset, name, size]
            quality = [f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}", number(line.validation, 4)]
            first = [TITLES.get(dataset, dataset), code(name), sized(line), str(line.seeds)]
            rows.append([*first, *quality, epochs(line), *costs(line.alone)])
    heads = ["data", "", "width, layers", "seeds", "NDCG@10", "validation", "best epoch", "s an epoch", "s to best"]
    return blocks(table([*heads, "MiB"], rows), beside(rows)) if rows else ""


def changed(reference: Reference) -> str:
    """Make the table of what a setting of the optimiser, and length in a larger model, add to the usual training."""
    rows = []
    for line, plain in altered(reference):
        apart = difference(line, plain)
        quality = [number(plain.ndcg, 4), number(line.ndcg, 4), signed(apart.gain), number(apart.error, 4)]
        what = ", ".join(filter(None, (f"maxlen {line.maxlen}" if larger(line) else "", line.regime)))
        first = [TITLES.get(line.dataset, line.dataset), code(line.model), mixing(line), sized(line), what]
        rows.append([*first, *quality, epochs(line), share(line, plain, "seconds_per_epoch")])
    heads = ["data", "model", "", "width, layers", "changed", "usual", "NDCG@10", "gain", "±", "best epoch", "time"]
    return blocks(table(heads, rows), beside(rows)) if rows else ""


def earned(reference: Reference) -> str:
    """Say how many of these gains are more than chance."""
    found = [difference(line, plain) for line, plain in altered(reference)]
    clear = sum(more and one.gain > 0 for one, more in zip(found, beyond(found), strict=True))
    if clear:
        return f"{clear} of the {len(found)} gains {'is' if clear == 1 else 'are'} more than chance."
    return "None of these gains is more than chance, so that all of them stay off unless asked for." if found else ""


def altered(reference: Reference) -> list[tuple[Line, Line]]:
    """Give each training that was made otherwise with the usual one of the same model, size and data."""
    found = lines(reference)
    usual = {key(line): line for line in found if (line.maxlen, line.regime) == (MAXLEN, "")}
    own = [line for line in found if key(line) in usual and (line.asked or larger(line))]
    own.sort(key=lambda line: (line.dataset != ML_1M, *key(line)[1:3], line.maxlen, line.regime))
    return [(line, usual[key(line)]) for line in own]


def key(line: Line) -> tuple[str, str, str, tuple[int, int]]:
    """Give what a training shares with the usual one."""
    return line.dataset, line.model, line.mechanism, line.size


def larger(line: Line) -> bool:
    """Tell whether a model that is larger than usual was given another length."""
    return line.size != USUAL_SIZE and line.maxlen != MAXLEN
