"""A committed profile: what mechanisms cost in one phase, over lengths."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from linrec_cli.analysis.labels import mechanism
from passages._reference import Reference, Row
from passages._words import NONE, number

MODEL, WIDTH, HEADS, LAYERS = "sasrec", 64, 2, 2
MARK = "*"
"""What stands beside a time for which other processes took the cores."""


@dataclass(frozen=True)
class Profile:
    """The rows of one phase of a run; of a profile that is not there, none."""

    rows: Sequence[Row]

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def first(self) -> Row:
        """Give a row that says how all were made."""
        return self.rows[0]

    @property
    def names(self) -> list[str]:
        """List the mechanisms, in the order they were asked for."""
        return list(dict.fromkeys(map(mechanism, self.rows)))

    @property
    def lengths(self) -> list[int]:
        """List the lengths."""
        return sorted({row["maxlen"] for row in self.rows if row["metric"] == "seconds"})

    def row(self, name: str, metric: str, maxlen: int | None = None, stage: str | None = None) -> Row | None:
        """Find what a number came to; nothing where there is none."""
        found = [
            row
            for row in self.rows
            if (mechanism(row), row["metric"], row["maxlen"], row["stage"]) == (name, metric, maxlen, stage)
        ]
        return found[-1] if found and found[-1]["status"] == "ok" else None

    def cost(self, name: str, metric: str, maxlen: int, stage: str | None = None) -> float | None:
        """Find what a mechanism costs at a length: `seconds`, or a counter of memory."""
        row = self.row(name, metric, maxlen, stage)
        return row["value"] if row else None

    def seconds(self, name: str, maxlen: int, stage: str | None = None) -> float | None:
        """Find a time."""
        return self.cost(name, "seconds", maxlen, stage)

    def peak(self, name: str, maxlen: int) -> float | None:
        """Find the memory that the algorithm needs."""
        return self.cost(name, "peak_bytes", maxlen, "rss")

    def contended(self, name: str, maxlen: int, stage: str | None = None) -> str:
        """Mark a time for which other processes took the cores."""
        row = self.row(name, "seconds", maxlen, stage)
        return MARK if row and row["contended"] else ""

    def slower(self, name: str, base: str, maxlen: int) -> str:
        """Write a time as a multiple of another's."""
        marks = self.contended(name, maxlen) or self.contended(base, maxlen)
        return divided(self.seconds(name, maxlen), self.seconds(base, maxlen), marks)

    def larger(self, name: str, base: str, maxlen: int) -> str:
        """Write a peak of memory as a multiple of another's."""
        return divided(self.peak(name, maxlen), self.peak(base, maxlen))


def divided(mine: float | None, other: float | None, marks: str = "") -> str:
    """Write a ratio."""
    return number(mine / other) + marks if mine and other else NONE


def footnote(text: str) -> str:
    """Explain the mark below a table that has it."""
    return f"{text}\n\n\\{MARK} timed while other processes took the cores." if MARK in text else text


def find(
    reference: Reference, phase: str, lengths: Collection[int], *, tokens: int | None = None, batch: int | None = None
) -> Profile:
    """Find the run that profiled a phase of the usual size in float32 at these lengths, whatever its name.

    Of several, the one of the newest benchmark version that was made last.

    Args:
        tokens: positions in a batch, at every length.
        batch: sequences in a batch, at every length.
    """
    held = pl.lit(tokens) if tokens else pl.col("maxlen") * batch
    rows = reference.table.filter(
        pl.col("command") == "profile", pl.col("phase") == phase,
        pl.col("width") == WIDTH, pl.col("heads") == HEADS, pl.col("dtype") == "float32",
        # A layer alone is of no model.
        pl.col("model").fill_null(MODEL) == MODEL, pl.col("layers").fill_null(LAYERS) == LAYERS,
    )  # fmt: skip
    runs = rows.filter(pl.col("metric") == "seconds").group_by("run").agg(
        pl.col("maxlen").unique(), pl.col("benchmark", "created").max(), fits=(pl.col("tokens") == held).all()
    )  # fmt: skip
    fitting = [run for run in runs.sort("benchmark", "created", "run").to_dicts() if run["fits"]]
    found = [run["run"] for run in fitting if {*lengths} <= {*run["maxlen"]}]
    return Profile(rows.filter(pl.col("run") == found[-1]).to_dicts() if found else [])
