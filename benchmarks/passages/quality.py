"""How well mechanisms rank."""

from collections import Counter
from typing import Any

from linrec_cli.analysis.labels import mechanism
from linrec_cli.analysis.reading import over_runs, over_seeds
from linrec_cli.names import several
from linrec_cli.settings import Train, from_stored
from passages._difference import difference
from passages._line import PEAK, USUAL_SIZE, Line
from passages._reference import Reference, Row
from passages._words import NONE, code, listed, number, paragraph, table

ML_1M, ML_100K = "ml-1m-sasrec-order", "ml-100k"
TITLES = {ML_1M: "ml-1m in SASRec's order"}
TELLING = ("softmax", "linear", "linear-gated")
SIZES = {ML_1M: (128, 3)}
"""Width and layers of what the README tells where they are not the usual ones."""
USUAL_SPLIT = "leave-one-out"
USUAL = {"protocol": "full", "seen": "remove"}
OPTIMISER = ("lr", "weight_decay", "warmup", "schedule", "clip", "ema")
"""Settings of which a table names those that are not as usual."""
STAR = "\\*"
"""Marks what others disturbed."""
PARTS = {"decay": "the decay", "norm": "the norm", "gate": "the gate"}


def lines(reference: Reference, split: str = USUAL_SPLIT) -> list[Line]:
    """Give all trainings tested in the field's usual way, told no target's time; of what was repeated the latest."""
    rows = [row for row in reference.rows(command="train", status="ok") if not row["time_aware"]]
    rows = [row for row in rows if all(row[name] in (None, usual) for name, usual in USUAL.items())]
    # Costs, which have no cut-off, are of any split.
    rows = [row for row in rows if row["k"] is None or (row["split"] or USUAL_SPLIT) == split]
    same = ("setup", "dataset", "model", "attention", "options", "maxlen")
    rows.sort(key=lambda row: row["created"])
    latest = {tuple(row[name] for name in (*same, "seed")): row["run"] for row in rows}
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row["run"] in latest.values():
            found.setdefault(tuple(row[name] for name in same), []).append(row)
    made = [Line(*(r[0][name] for name in same[1:3]), r[0]["maxlen"], mechanism(r[0]), r, asked(reference, r[0]["run"]))
            for r in found.values()]  # fmt: skip
    return [line for line in made if line.values("ndcg", "test", 10)]


def asked(reference: Reference, run: str) -> str:
    """Write the settings of a run's optimiser that are not as usual."""
    own = from_stored(Train, reference.settings(run))
    return ", ".join(
        f"{name} {getattr(own, name)}" for name in OPTIMISER if getattr(own, name) != getattr(Train(), name)
    )


def one(reference: Reference, dataset: str, mechanism: str, maxlen: int = 200) -> Line | None:
    """Find the trainings of a mechanism with SASRec at the data's size; of several those of most seeds, then epochs."""
    asked = (dataset, "sasrec", maxlen, mechanism, SIZES.get(dataset, USUAL_SIZE), "")
    names = ("dataset", "model", "maxlen", "mechanism", "size", "regime")
    found = [line for line in lines(reference) if tuple(getattr(line, name) for name in names) == asked]
    return max(found, key=lambda line: (line.seeds, sum(line.values("epochs"))), default=None)


def made(reference: Reference) -> str:
    """Say on what the trainings of the README were made, and of which no second counts."""
    found = told(reference)
    machines = listed(list(sum((line.places for line in found), Counter())))
    seconds = " Minutes are of the machine that trained most seeds"
    disturbed = any(line.alone.contended for line in found)
    seconds += f"; {STAR} others used the cores meanwhile." if disturbed else "."
    return paragraph(f"Trained on {machines}.{seconds}" if found else "")


def told(reference: Reference) -> list[Line]:
    """List the trainings of the README's table."""
    names = {ML_1M: TELLING, ML_100K: (*TELLING, "linear-gated:gate=false")}
    found = (one(reference, dataset, name) for dataset, own in names.items() for name in own)
    return [line for line in found if line]


def summary(reference: Reference) -> str:
    """Make the README's table: the most telling mechanisms on two data sets."""
    rows = []
    for line in told(reference):
        validation = number(line.validation, 4)
        ndcg = f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}"
        title, size = TITLES.get(line.dataset, line.dataset), ", ".join(map(str, line.size))
        own = [code(line.mechanism), str(line.seeds), ndcg, validation, epochs(line), minutes(line)]
        rows.append([title, size, *own])
    return table(["data", "width, layers", "", "seeds", "NDCG@10", "validation", "best epoch", "minutes"], rows)


def epochs(line: Line) -> str:
    """Write the best epoch of how many, a seed after the other."""
    pairs = zip(line.values("best_epoch"), line.values("epochs"), strict=True)
    return ", ".join(f"{best:.0f} of {all:.0f}" for best, all in pairs)


def minutes(line: Line) -> str:
    """Write how long training and validation took, the median of a machine's seeds; * marks what others disturbed."""
    return f"{over_runs(line.alone.values('seconds')) / 60:.0f}{STAR if line.alone.contended else ''}"


def budget(reference: Reference) -> str:
    """Say for how many minutes mechanisms were trained on ml-1m, and how often the clock ended it."""
    said, clocks = [], set()
    for line in filter(None, (one(reference, ML_1M, name) for name in TELLING)):
        waited = zip(line.values("epochs"), line.values("best_epoch"), strict=True)
        settings = from_stored(Train, reference.settings(line.rows[0]["run"]))
        cut = sum(last - best < settings.patience for last, best in waited)
        clocks.add(f"{settings.max_minutes:.0f}")
        said.append(f"{cut} of {line.seeds} of {code(line.mechanism)}")
    return paragraph(
        f"On ml-1m each had {' or '.join(sorted(clocks))} minutes, which cut {listed(said)}." if said else ""
    )


def gains(reference: Reference) -> str:
    """Say how far LinRec is from softmax, and what the decay, the norm and the gate bring it."""
    base, said = one(reference, ML_1M, "softmax"), []
    for line in filter(None, (one(reference, ML_1M, name) for name in TELLING[1:])):
        if base:
            apart = difference(line, base)
            seeds = f"{'' if line.seeds == base.seeds else f'{line.seeds} and '}{several(base.seeds, 'seed')}"
            said.append(f"{code(line.mechanism)} is at {apart} of softmax ({seeds}, {apart.chance})")
    first = f"On ml-1m {listed(said)}." if said else ""
    whole = one(reference, ML_100K, "linear-gated")
    without = {part: one(reference, ML_100K, f"linear-gated:{part}=false") for part in PARTS}
    parts = [f"{number(line.ndcg, 4)} without {PARTS[part]}" for part, line in without.items() if line]
    more = f"On ml-100k it reaches {number(whole.ndcg, 4)}, and {listed(parts)}." if whole and parts else ""
    return paragraph(first, more)


def every(reference: Reference) -> str:
    """Make the table of all trainings."""
    order = sorted(lines(reference), key=lambda line: (line.dataset, line.maxlen, -line.ndcg))
    rows = []
    for line in order:
        spread = f" ± {number(line.spread, 4)}" if line.seeds > 1 else ""
        validation, recall = (over_seeds(line.values(*m, 10)) for m in (("ndcg", "valid"), ("recall", "test")))
        means = [number(validation, 4), number(recall, 4)]
        peaks, timed = line.alone.values(PEAK), line.alone.values("seconds_per_epoch")
        costs = [f"{over_runs(timed):.1f}" if timed else NONE]
        costs.append(f"{over_runs(peaks) / 2**20:.0f}" if peaks else NONE)
        size = ", ".join(map(str, line.size))
        mechanism = code(line.mechanism) if line.mechanism != line.model else NONE
        model = ", ".join(filter(None, (line.model, line.regime)))
        first = [line.dataset, model, size, str(line.maxlen), mechanism, str(line.seeds)]
        rows.append([*first, number(line.ndcg, 4) + spread, *means, *costs])
    heads = ["data", "model", "width, layers", "maxlen", "", "seeds"]
    return table([*heads, "NDCG@10", "validation", "Recall@10", "s an epoch", "MiB"], rows)


def naive(reference: Reference) -> str:
    """Say whether unfused softmax gave the numbers of fused softmax."""
    pair = [one(reference, ML_100K, name) for name in ("softmax", "softmax-naive")]
    if None in pair:
        return ""
    fused, separate = ([round(x, 4) for x in line.values("ndcg", "test", 10)] for line in pair if line)
    how = "seed for seed the same NDCG@10" if fused == separate else "up to rounding"
    return paragraph(f"`softmax-naive` is softmax, {how}.")


def picture(reference: Reference) -> str:
    """Show the figure of quality against cost."""
    line = one(reference, ML_100K, "linear")
    path = reference.figure("pareto-{}-200.png", line.rows[0]) if line else ""
    return f"![Quality against cost on ml-100k](../{path})" if path else ""
