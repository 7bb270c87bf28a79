"""One run as its folder tells it: what it was, how far it came, its headline number, what is missing."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from linrec_cli import seal
from linrec_cli.analysis import scaling
from linrec_cli.analysis.history import numbers
from linrec_cli.analysis.labels import QUALITY, mechanism, metric_label
from linrec_cli.analysis.numbers import short
from linrec_cli.declared import from_stored
from linrec_cli.errors import DataError, UsageError
from linrec_cli.names import several
from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.results import schema, store
from linrec_cli.runs.result import HISTORY
from linrec_cli.settings import Profile

Row = dict[str, Any]

CHECKPOINT = "checkpoint.safetensors"
FILES = {
    "train": {
        "weights.safetensors": "the run cannot be evaluated again",
        HISTORY: "there is no training curve",
        "ranks.parquet": "there are no ranks by user",
    },
    "evaluate": {"ranks.parquet": "there are no ranks by user"},
    "profile": {},
}
"""What a finished run of each command leaves, and what its lack means."""
TELLING = {"phase": "profile", "of": "evaluate"}
"""Settings that only one command has."""
PRODUCT = ("attn", "maxlen", "phase", "width", "heads")
"""Settings that every profile has kept; some have been added since."""
CELL = ("attention", "options", "maxlen", "model", "width", "heads", "dtype")
"""What tells the cells of a profile apart, beside their phases."""
OTHERS = ("width", "heads", "model", "dtype")
"""Settings that a cell is named by where a profile has several values of them."""


@dataclass(frozen=True)
class Run:
    """What a run's folder holds.

    Attributes:
        rows: its table; empty where there is none yet.
        history: an epoch each, of a training run; one that is not finished gives those of its checkpoint.
        damage: why a file cannot be read.
    """

    folder: Path
    settings: Row = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    damage: str = ""

    @property
    def name(self) -> str:
        """Give the name of the folder."""
        return self.folder.resolve().name

    @property
    def command(self) -> str:
        """Tell which command made it: from its table, else from its settings."""
        if self.rows:
            return str(self.rows[0]["command"])
        return next((command for name, command in TELLING.items() if name in self.settings), "train")

    @property
    def created(self) -> datetime:
        """Tell when its last row was made; where there is none, when the folder was last written to."""
        times = [row["created"] for row in self.rows if row["created"]]
        return max(times, default=datetime.fromtimestamp(self.folder.stat().st_mtime, UTC))

    @property
    def told(self) -> list[Row]:
        """Give a profile's rows as its sweep made them: what is not known is no key, and slopes are among them."""
        found = [{name: value for name, value in row.items() if value is not None} for row in self.rows]
        # What was interrupted has none of its own.
        made = any(row["metric"] in schema.MADE for row in found)
        return found if made else found + scaling.rows(found)

    @property
    def state(self) -> str:
        """Tell `finished`, `unfinished` (stopped, or still going on), `failed` or `damaged`."""
        if self.damage:
            return "damaged"
        if self.rows and all(row["status"] != "ok" for row in self.rows):
            return "failed"
        return "unfinished" if not self.rows or self.unmeasured() else "finished"

    @property
    def headline(self) -> str:
        """Write the number to know a run by, or why there is none."""
        if self.state in ("damaged", "failed"):
            return self.damage or "{status}: {note}".format_map(self.rows[0])
        if self.command == "profile":
            return fastest(self.rows)
        if self.rows:
            whose = f", of {self.settings['of']}" if "of" in self.settings else ""
            return quality(self.rows) + whose
        best = max((value for value in numbers(self.history, "ndcg") if not math.isnan(value)), default=None)
        return several(len(self.history), "epoch") + (f", best valid NDCG@10 {best:.4f}" if best is not None else "")

    def unmeasured(self) -> list[str]:
        """List the cells that a profile was told to measure and has no row of."""
        if self.command != "profile" or not self.settings.keys() >= set(PRODUCT):
            return []
        # What this linrec does not know, it cannot miss.
        with suppress(UsageError, TypeError, ValueError):
            asked = from_stored(Profile, self.settings)
            timed = [row for row in self.rows if row["metric"] == "seconds"]
            several = [name for name in OTHERS if len(getattr(asked, name)) > 1]
            lacking = [cell for cell in chain.from_iterable(cells(asked)) if not any(of(row, cell) for row in timed)]
            return [called(cell, several) for cell in lacking]
        return []

    def missing(self) -> Iterator[str]:
        """Say what is not there, and why: a line each."""
        if self.damage:
            yield self.damage
        if self.rows and not self.settings and not self.damage:
            yield f"{store.SETTINGS}: the command that made the run is not known"
        if not self.rows and not self.damage:
            yield f"{store.TABLE}: the run has not ended; the same command again goes on with it"
        unmeasured = self.unmeasured()
        if self.rows and unmeasured:
            yield f"not measured: {'; '.join(unmeasured)}"
        cuts = {row["k"] for row in self.rows if row["k"]}
        if cuts and QUALITY["k"] not in cuts:
            own = ", ".join(map(str, sorted(cuts)))
            yield f"not among a report's numbers, which are at {QUALITY['k']}: it has them at {own}"
        if self.state == "finished":
            for name, lack in FILES.get(self.command, {}).items():
                if not (self.folder / name).is_file():
                    yield f"{name}: {lack}"
                elif not seal.whole(self.folder / name):
                    yield f"{name} changed since it was written: {lack}"
        # A slope that is missing is told among the slopes.
        failed = [row for row in self.rows if row["status"] != "ok" and not row["metric"].endswith("_slope")]
        yield from dict.fromkeys(map(failure, failed))

    def line(self) -> Row:
        """Give what a list of runs says of it."""
        return {"run": self.name, "command": self.command, "created": self.created, "state": self.state,
                "headline": self.headline, "folder": str(self.folder)}  # fmt: skip


def read(folder: Path) -> Run:
    """Read a run's folder; what is damaged there is told, not raised."""
    settings: Row = {}
    rows: list[Row] = []
    try:
        if (folder / store.TABLE).is_file():
            rows = store.read_table(folder / store.TABLE).to_dicts()
        if (folder / store.SETTINGS).is_file():
            settings = store.read_settings(folder / store.SETTINGS)
        return Run(folder, settings, rows, history(folder))
    except DataError as error:
        return Run(folder, settings, rows, damage=str(error))


def history(folder: Path) -> list[Row]:
    """Read the epochs of a training run, or those its checkpoint holds.

    Raises:
        DataError: the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    if (folder / HISTORY).is_file():
        return store.read_frame(folder / HISTORY).to_dicts()
    path = folder / CHECKPOINT
    try:
        if path.is_file():
            seal.check(path)
            with safe_open(path, "np") as file:
                epochs = list(json.loads(file.metadata()["counters"])["history"])
                if any(not isinstance(epoch["ndcg"], int | float) for epoch in epochs):
                    raise TypeError("ndcg is no number")
                return epochs
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the epochs in {path} cannot be read ({reason}); train it again with --fresh.") from None
    return []


def quality(rows: Iterable[Row]) -> str:
    """Write NDCG@10 of the test items, or the first metric there is."""
    ranked = [row for row in rows if row["k"] and row["status"] == "ok"]
    ranked.sort(key=lambda row: (row["metric"] != "ndcg", row["k"] != 10, row["stage"] != "test"))
    return f"{metric_label(ranked[0])} {ranked[0]['value']:.4f}, {ranked[0]['stage']}" if ranked else ""


def called(cell: Cell, several: Iterable[str]) -> str:
    """Name a cell, by its settings of which there are several too."""
    return ", ".join(
        [f"{cell.attn or cell.model} at {cell.maxlen}", cell.phase, *(f"{one} {getattr(cell, one)}" for one in several)]
    )


def of(row: Row, cell: Cell) -> bool:
    """Tell whether a row is of a cell, as far as it says."""
    same = all(row.get(name) in (None, cell.labels[name]) for name in CELL)
    return same and row["phase"] in cell.phases


def fastest(rows: Iterable[Row]) -> str:
    """Write which mechanism was the fastest, at the longest length of the phase measured last."""
    timed = [row for row in rows if row["metric"] == "seconds" and row["status"] == "ok"]
    if not timed:
        return ""
    phase = timed[-1]["phase"]
    longest = max(row["maxlen"] for row in timed if row["phase"] == phase)
    last = [row for row in timed if (row["phase"], row["maxlen"]) == (phase, longest)]
    best = min(last, key=lambda row: row["value"])
    return f"fastest {phase} at {longest:,}: {mechanism(best)}, {short(1000 * best['value'])} ms"


def failure(row: Row) -> str:
    """Write what gave no number, and why."""
    at = f" at {row['maxlen']:,}" if row["maxlen"] else ""
    what = ", ".join(filter(None, (mechanism(row) + at, row["phase"], row["metric"])))
    return f"{what}: {': '.join(filter(None, (row['status'], row['note'])))}"
