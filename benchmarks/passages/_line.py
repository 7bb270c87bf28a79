"""Trainings that differ in nothing but the seed, and what they come to together."""

from collections import Counter
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import fmean, stdev

from linrec_cli import catalog
from linrec_cli.analysis.reading import over_runs, over_seeds
from passages._reference import Row
from passages._words import place

USUAL_SIZE = (64, 2)
"""Width and layers where a row says nothing of them."""
SEEDS = 3
"""From which on a standard deviation over seeds is told: two are as near as chance has it."""
PEAK, ALONE = "peak_bytes", 3
"""A training's peak, and the version of the benchmark from which on it is that of training alone."""


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
    def alone(self) -> "Line":
        """Give those of the machine that trained most seeds."""
        return self.at(max(self.places, key=lambda name: self.places[name]))

    @property
    def ndcg(self) -> float:
        """Average NDCG@10 on the test items over seeds."""
        return over_seeds(self.values("ndcg", "test", 10))

    @property
    def validation(self) -> float:
        """Average NDCG@10 on the validation items over seeds."""
        return over_seeds(self.values("ndcg", "valid", 10))

    @property
    def spread(self) -> float:
        """Give the standard deviation over seeds; of fewer than tell it, the standard error over users, their mean."""
        several = self.values("ndcg", "test", 10)
        if len(several) >= SEEDS:
            return stdev(several)
        own = [r for r in self.rows if (r["metric"], r["stage"], r["k"]) == ("ndcg", "test", 10)]
        return fmean(r["high"] - r["value"] for r in own)

    @property
    def error(self) -> float:
        """Give the standard error of the mean over seeds; of fewer than tell it, that over users."""
        return self.spread / sqrt(self.seeds) if self.seeds >= SEEDS else self.spread

    @property
    def degrees(self) -> float:
        """Give the degrees of freedom of that error; users are many."""
        return self.seeds - 1 if self.seeds >= SEEDS else inf

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
