"""An invented reference: runs and CSVs of hand-worked numbers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from linrec_cli.results import schema

Row = dict[str, Any]
LENGTHS = (128, 512, 2048, 8192)
TRAINING = {"dataset": "ml-100k", "model": "sasrec", "maxlen": 200, "seed": 0, "attention": "linear"}
SECONDS = {"softmax": 2.0, "softmax-naive": 8.0, "linear": 0.5, "linear-gated": 1.0}


def put(root: Path, run: str, rows: list[Row], settings: str = "", **shared: Any) -> None:
    """Commit an invented run."""
    folder = root / "results/reference/cpu/runs" / run
    folder.mkdir(parents=True)
    made = {"run": run, "created": datetime(2026, 1, 1, tzinfo=UTC), "device": "cpu Abacus(R) Processor"}
    made |= {"threads": 2, "dtype": "float32", "torch": "9.9.0+cpu", "commit": "abc", "width": 64, "heads": 2}
    schema.table(made | shared, rows).write_parquet(folder / "table.parquet")
    (folder / "settings.toml").write_text(settings or "threads = 1\n")


def costs(phase: str, tokens: int, lengths: tuple[int, ...] = LENGTHS, scale: float = 1.0) -> list[Row]:
    """Make the rows of a profile in which a mechanism takes its seconds at any length, and as many KiB."""
    rows = []
    for name, seconds in SECONDS.items():
        for maxlen in lengths:
            cell = {"attention": name, "phase": phase, "maxlen": maxlen, "tokens": tokens, "contended": False}
            rows.append(cell | {"metric": "seconds", "value": scale * seconds})
            rows.append(cell | {"metric": "peak_bytes", "stage": "rss", "value": 1024 * seconds})
    return rows


def profiled(root: Path, run: str, rows: list[Row], **shared: Any) -> None:
    """Commit an invented profile."""
    put(root, run, rows, command="profile", **shared)


def evaluated(root: Path, run: str, ndcg: float, **shared: Any) -> None:
    """Commit an invented evaluation with items of the history ranked."""
    row = {"stage": "test", "metric": "ndcg", "k": 10, "protocol": "full", "seen": "rank", "value": ndcg}
    put(root, run, [row], command="evaluate", **(TRAINING | shared))


def trained(
    root: Path, run: str, ndcg: float, settings: str = "", facts: Row | None = None,
    samples: dict[str, list[float]] | None = None, **shared: Any,
) -> None:  # fmt: skip
    """Commit an invented training; `samples` are of costs, an epoch each."""
    costs = {"epochs": 20.0, "best_epoch": 12.0, "seconds": 1200.0, "seconds_per_epoch": 50.0, "peak_bytes": 2.0**20}
    tested = [
        {
            "stage": stage,
            "metric": metric,
            "k": 10,
            "protocol": "full",
            "value": ndcg,
            "low": ndcg - 0.01,
            "high": ndcg + 0.01,
        }
        for stage in ("valid", "test")
        for metric in ("ndcg", "recall")
    ]
    given, known = samples or {}, costs | (facts or {})
    rows = [
        {
            "stage": "train",
            "metric": name,
            "value": known.get(name, sum(given.get(name, []))),
            "samples": given.get(name),
        }
        for name in known | given
    ]
    put(root, run, tested + rows, f"patience = 8\n{settings}", command="train", **(TRAINING | shared))


def kept(root: Path, name: str, rows: list[Row]) -> None:
    """Commit an invented CSV."""
    path = root / f"results/reference/cpu/{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"device": "cpu Abacus", "threads": 1, "torch": "9.9", "command": "python x.py"}
    pl.DataFrame([made | row for row in rows]).write_csv(path)
