"""How well mechanisms rank."""

from collections import Counter
from dataclasses import dataclass, replace
from math import hypot
from statistics import fmean, stdev
from typing import Any

from linrec_cli import catalog
from linrec_cli.analysis.labels import mechanism
from linrec_cli.analysis.reading import over_runs, over_seeds
from linrec_cli.settings import Train, from_stored
from passages._reference import Reference, Row
from passages._words import NONE, code, listed, number, paragraph, place, table

ML_1M, ML_100K = "ml-1m-sasrec-order", "ml-100k"
TITLES = {ML_1M: "ml-1m in SASRec's order"}
TELLING = ("softmax", "linear", "linear-gated")
USUAL_SIZE, SIZES = (64, 2), {ML_1M: (128, 3)}
"""Width and layers of what the README tells, and where they are others."""
USUAL_SPLIT = "leave-one-out"
USUAL = {"protocol": "full", "seen": "remove"}
OPTIMISER = ("lr", "weight_decay", "warmup", "schedule", "clip", "ema")
"""Settings of which a table names those that are not as usual."""
SEEDS = 3
"""From which on a standard deviation over seeds is told: two are as near as chance has it."""
PEAK, ALONE = "peak_bytes", 3
"""A training's peak, and the version of the benchmark from which on it is that of training alone."""
PARTS = {"decay": "the decay", "norm": "the norm", "gate": "the gate"}


@dataclass(frozen=True)
class Line:
    """Trainings that differ in nothing but the seed, a row of each metric of each of them.

    Attributes:
        asked: settings of the optimiser that are not as usual.
    """

    dataset: str
    model: str
    maxlen: int
    mechanism: str
    rows: list[Row]
    asked: str = ""

    def values(self, metric: str, stage: str = "train", k: int | None = None) -> list[float]:
        """Give the numbers of a metric, a seed a number; of peaks those of training alone."""
        found = [row for row in self.rows if (row["metric"], row["stage"], row["k"]) == (metric, stage, k)]
        if metric == PEAK:
            found = [row for row in found if (row["benchmark"] or 0) >= ALONE]
        return [row["value"] for row in sorted(found, key=lambda row: row["seed"])]

    @property
    def places(self) -> Counter[str]:
        """Count the seeds of it that were trained on each machine."""
        return Counter(place(r) for r in self.rows if (r["metric"], r["stage"], r["k"]) == ("ndcg", "test", 10))

    def at(self, machine: str) -> "Line":
        """Give those of a machine alone: what two machines cost is no median."""
        return replace(self, rows=[row for row in self.rows if place(row) == machine])

    @property
    def ndcg(self) -> float:
        """Average NDCG@10 on the test items over seeds."""
        return over_seeds(self.values("ndcg", "test", 10))

    @property
    def spread(self) -> float:
        """Give the standard deviation over seeds; of fewer than tell it, the standard error over users, their mean."""
        several = self.values("ndcg", "test", 10)
        if len(several) >= SEEDS:
            return stdev(several)
        own = [r for r in self.rows if (r["metric"], r["stage"], r["k"]) == ("ndcg", "test", 10)]
        return fmean(r["high"] - r["value"] for r in own)

    @property
    def size(self) -> tuple[int, int]:
        """Give width and layers, those of the README where a row says nothing of them."""
        width, layers = (self.rows[0][name] for name in ("width", "layers"))
        return width or USUAL_SIZE[0], layers or USUAL_SIZE[1]

    @property
    def to_best(self) -> float | None:
        """Give the seconds of training and validation up to the best epoch, the median of the seeds."""
        trained, validated = (self.samples(name) for name in ("seconds_per_epoch", "validation_seconds"))
        best = map(int, self.values("best_epoch"))
        if not all([*trained, *validated, trained, validated]):
            return None
        every = zip(trained, validated, best, strict=True)
        return over_runs([sum(own[:last]) + sum(more[:last]) for own, more, last in every])

    def samples(self, metric: str) -> list[list[float]]:
        """Give what a cost took in each epoch, a seed a list."""
        found = [row for row in self.rows if row["metric"] == metric]
        return [row["samples"] or [] for row in sorted(found, key=lambda row: row["seed"])]

    @property
    def contended(self) -> bool:
        """Tell whether others used the cores while one of them was trained."""
        return any(row["contended"] for row in self.rows)

    @property
    def regime(self) -> str:
        """Give the objective, where it is not the model's usual one, and what was asked of the optimiser."""
        objective, usual = self.rows[0]["objective"], catalog.load("models", catalog.parse(self.model)[0]).OBJECTIVE
        return ", ".join(filter(None, ("" if objective in (None, usual) else objective, self.asked)))

    @property
    def seeds(self) -> int:
        """Count the seeds."""
        return len(self.values("ndcg", "test", 10))


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
    """Say on what the trainings of the README were made."""
    found = one(reference, ML_100K, "softmax")
    return paragraph(f"Trained on {place(found.rows[0])}:" if found else "")


def summary(reference: Reference) -> str:
    """Make the README's table: the most telling mechanisms on two data sets."""
    rows = []
    for dataset in (ML_1M, ML_100K):
        names = TELLING if dataset == ML_1M else (*TELLING, "linear-gated:gate=false")
        for line in filter(None, (one(reference, dataset, name) for name in names)):
            validation = number(over_seeds(line.values("ndcg", "valid", 10)), 4)
            ndcg = f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}"
            title, size = TITLES.get(dataset, dataset), ", ".join(map(str, line.size))
            told = [code(line.mechanism), str(line.seeds), ndcg, validation, epochs(line), minutes(line)]
            rows.append([title, size, *told])
    return table(["data", "width, layers", "", "seeds", "NDCG@10", "validation", "best epoch", "minutes"], rows)


def epochs(line: Line) -> str:
    """Write the best epoch of how many, a seed after the other."""
    pairs = zip(line.values("best_epoch"), line.values("epochs"), strict=True)
    return ", ".join(f"{best:.0f} of {all:.0f}" for best, all in pairs)


def minutes(line: Line) -> str:
    """Write how long training and validation took, the median of the seeds."""
    return f"{over_runs(line.values('seconds')) / 60:.0f}"


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
    """Say what the decay, the norm and the gate bring."""
    full, base = one(reference, ML_1M, "linear-gated"), one(reference, ML_1M, "softmax")
    said = ""
    if full and base:
        gain = f"{full.ndcg - base.ndcg:+.4f}".replace("0.", ".", 1)
        error = number(hypot(full.spread, base.spread), 4)
        seeds = f"{full.seeds} and {base.seeds} seeds, unpaired"
        said = f"On ml-1m `linear-gated` is at {gain} ± {error} of softmax ({seeds})."
    whole = one(reference, ML_100K, "linear-gated")
    without = {part: one(reference, ML_100K, f"linear-gated:{part}=false") for part in PARTS}
    parts = [f"{number(line.ndcg, 4)} without {PARTS[part]}" for part, line in without.items() if line]
    more = f"On ml-100k it reaches {number(whole.ndcg, 4)}, and {listed(parts)}." if whole and parts else ""
    return paragraph(said, more)


def every(reference: Reference) -> str:
    """Make the table of all trainings."""
    order = sorted(lines(reference), key=lambda line: (line.dataset, line.maxlen, -line.ndcg))
    rows = []
    for line in order:
        spread = f" ± {number(line.spread, 4)}" if line.seeds > 1 else ""
        validation, recall = (over_seeds(line.values(*m, 10)) for m in (("ndcg", "valid"), ("recall", "test")))
        means = [number(validation, 4), number(recall, 4)]
        alone = line.at(max(line.places, key=lambda name: line.places[name]))
        peaks, timed = alone.values(PEAK), alone.values("seconds_per_epoch")
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
