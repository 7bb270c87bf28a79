"""Hold `linrec advise` against real epochs: `python benchmarks/advise.py DATA [--attn a,b] [--maxlen 50,200]`, by hand.

Each estimate is made, then an epoch is trained and validated, mechanism by mechanism, and the next; what an epoch took
divided by what was said stands in the last column. Run it on an idle machine; with `--out FILE` it is written as CSV.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from _measured import write

from linrec_cli import machine, runs
from linrec_cli.runs.advise import advise
from linrec_cli.runs.train import settled
from linrec_cli.settings import Profile, Train, resolved

EPOCHS = 3
"""Trained each, of which the first warms up and is left out."""


def compared(data: Any, cells: list[Train], budget: float) -> Iterator[dict[str, Any]]:
    """Estimate cells, train each, and give what was said and what was so."""
    with tempfile.TemporaryDirectory() as folder:

        def measured(asked: Profile) -> list[dict[str, Any]]:
            return runs.profile(asked, Path(folder) / "runs" / f"profile-{asked.phase[0]}").to_dicts()

        said = advise(cells, data, Path(folder), measured, budget)
    for cell, cost in zip(cells, said, strict=True):
        history = list(epochs(data, cell))[1:]
        took = {name: sum(getattr(one, name) for one in history) / len(history) for name in TOOK}
        yield {
            "attention": cell.attn,
            "maxlen": cell.maxlen,
            "epoch_said": cost.epoch,
            "epoch": took["seconds"],
            "evaluation_said": cost.evaluation,
            "evaluation": took["validation_seconds"],
            "ratio": sum(took.values()) / cost.seconds,
        }


TOOK = ("seconds", "validation_seconds")


def epochs(data: Any, cell: Train) -> Iterator[Any]:
    """Train a few epochs."""
    from linrec_cli.training import fit

    parts = data.split(cell.split)
    machine.prepare(cell.threads)
    return fit.epochs(fit.start(cell, data.sequences, parts), data.sequences, parts)


def main() -> None:
    """Read the arguments, and print a line a cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--attn", default="softmax,linear,linear-gated")
    parser.add_argument("--maxlen", default="50,200")
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    data = runs.prepare(given.data, data_dir=given.data_dir)
    shape = [(attn, int(length)) for attn in given.attn.split(",") for length in given.maxlen.split(",")]
    cells = [settled(resolved(Train(attn=attn, maxlen=length, epochs=EPOCHS)), data) for attn, length in shape]
    rows = list(compared(data, cells, given.budget))
    with pl.Config(tbl_rows=-1, tbl_cols=-1):
        print(pl.DataFrame(rows))
    if given.out:
        write([{"data": data.name} | row for row in rows], given.out, cells[0].threads)


if __name__ == "__main__":
    main()
