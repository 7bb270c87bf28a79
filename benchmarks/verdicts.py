"""How often `linrec compare` errs on real runs: the same code against itself, and against itself with a planted cost.

python benchmarks/verdicts.py --trials 100 --planted 40 --busy 2 --keep tables --out verdicts.csv
python benchmarks/verdicts.py --judge tables --quantile 50     (the same runs by another rule; nothing is measured)

A trial is five runs a side, in turns, each of its own processes: what `linrec profile` measures, judged by the
rule that `linrec compare` has by default. A planted run of `linear` takes 1.15 times as long, whatever the machine does
meanwhile, and holds 3 % more memory from its forward to its backward pass. `--busy` processes burn a core each in
bursts, so that the machine is as noisy as a shared one. The table has a verdict a row.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import torch

from linrec_cli import machine
from linrec_cli.analysis.compare import compare
from linrec_cli.analysis.verdict import Rule, Verdict
from linrec_cli.profiling import bench
from linrec_cli.profiling import build as work
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.work import Work
from linrec_cli.results import schema
from linrec_cli.settings import Profile

RUNS = 5
SLOWER, LARGER = 1.15, 0.03
QUIET = 0.035
"""Spread of the ratio up to which a slowdown of 15 % must be found."""


@dataclass(frozen=True)
class Planted:
    """A builder of `linear` with more costs: time, bytes kept for the backward pass, and bytes merely held."""

    kept: int
    held: int

    def __call__(self, cell: Cell) -> Work:
        """Build a cell, with its costs if it is of `linear`."""
        built = work.build(cell)
        if cell.attn != "linear":
            return built
        seed = torch.ones(self.kept // 4, requires_grad=True)
        held: list[torch.Tensor] = []
        more = {"forward": lambda: held.extend((seed.exp(), torch.ones(self.held // 4))), "backward": held.clear}
        spans = {name: partial(slowed, span, more[name]) for name, span in built.spans.items()}
        return Work(spans, built.tiny, built.bare, built.flushed)


def slowed(span: Any, more: Any) -> None:
    """Run a span and something more within the time by which it is to be slower."""
    begin = time.perf_counter()
    span()
    end = begin + SLOWER * (time.perf_counter() - begin)
    more()
    while time.perf_counter() < end:
        pass


def burn(seed: int) -> None:
    """Use a core in bursts of up to two seconds, for ever."""
    draw = random.Random(seed)
    while True:
        end = time.perf_counter() + draw.uniform(0.05, 2)
        while time.perf_counter() < end:
            pass
        time.sleep(draw.uniform(0.05, 2))


def measured(settings: Profile, build: Any, name: str) -> pl.DataFrame:
    """Make the table of one run."""
    rows = [row for rows in bench.run(settings, build) for row in rows]
    shared = {"run": name, "command": "profile", "threads": settings.threads, **machine.describe(settings.device)}
    return schema.table(shared, rows)


def trial(settings: Profile, builders: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Measure `RUNS` runs of every builder, in turns."""
    tables = [
        (name, measured(settings, build, f"{name}-{turn}")) for turn in range(RUNS) for name, build in builders.items()
    ]
    return {name: pl.concat(table for mine, table in tables if mine == name) for name in builders}


def judged(tables: dict[str, pl.DataFrame], number: int, rule: Rule) -> Iterator[dict[str, Any]]:
    """Compare every side with the base; a row a verdict on `linear`."""
    for name, table in tables.items():
        if name != "base":
            yield from (row(number, name, one) for one in compare(tables["base"], table, rule) if chosen(one))


def kept(folder: Path) -> Iterator[dict[str, pl.DataFrame]]:
    """Read the tables of trials made before, in their order."""
    for path in sorted(folder.glob("*.parquet"), key=lambda path: int(path.stem)):
        table = pl.read_parquet(path).with_columns(side=pl.col("run").str.split("-").list.first())
        yield {str(name): part.drop("side") for (name,), part in table.group_by("side", maintain_order=True)}


def chosen(verdict: Verdict) -> bool:
    """Tell whether a verdict is on what costs may be planted in: the whole layer of `linear`."""
    return verdict.cell["attention"] == "linear" and verdict.cell["phase"] == "attention"


def row(number: int, name: str, one: Verdict) -> dict[str, Any]:
    """Write a verdict as a row."""
    said = {"verdict": one.verdict, "change": one.change, "noise": one.noise, "note": one.note}
    return {"trial": number, "new": name, "metric": one.cell["metric"]} | said


def planted(settings: Profile) -> Planted:
    """Plant a share of what the layer keeps, and as much more as makes it the same share of its peak."""
    table = measured(settings, work.build, "size").filter(attention="linear", phase="attention")
    kept, peak = (int(LARGER * table.filter(metric=name)["value"].item()) for name in ("saved_bytes", "peak_bytes"))
    return Planted(kept, max(0, peak - kept))


def told(rows: pl.DataFrame) -> None:
    """Print how often each verdict was given, and of the slowdown, where the machine was quiet enough."""
    keys = ("new", "metric", "verdict")
    counts = rows.group_by(keys).agg(pl.len().alias("trials"), pl.median("change", "noise")).sort(keys)
    with pl.Config(tbl_rows=-1):
        print(counts)
    slow = rows.filter(new="planted", metric="seconds")
    quiet = slow.filter(pl.col("noise") <= QUIET)
    found, missed = quiet.filter(verdict="regression").height, slow.filter(verdict="ok").height
    print(f"slowdown found in {found} of the {quiet.height} trials whose runs differ by at most {QUIET:.1%};")
    print(f"called ok in {missed} of all {slow.height}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--planted", type=int, default=40, help="of the trials, those that also have planted runs")
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--maxlen", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--budget", type=float, default=0.6)
    parser.add_argument("--out", type=Path, default=Path("verdicts.csv"))
    parser.add_argument("--keep", type=Path, help="folder for the tables of all runs, a trial a file")
    parser.add_argument("--judge", type=Path, help="such a folder: judge what is there and measure nothing")
    parser.add_argument("--quantile", type=float, default=100 * Rule.quantile, help="of samples, %%, what a time is")
    return parser.parse_args()


def measured_trials(given: argparse.Namespace) -> Iterator[dict[str, pl.DataFrame]]:
    """Run the trials, and keep their tables if that is asked for."""
    settings = Profile(
        attn=("softmax", "linear"), maxlen=(given.maxlen,), phase=("attention",), tokens=given.tokens,
        budget=given.budget, threads=1,
    )  # fmt: skip
    for seed in range(given.busy):
        get_context("spawn").Process(target=burn, args=(seed,), daemon=True).start()
    costs = planted(settings)
    for number in range(given.trials):
        builders = {"base": work.build, "same": work.build} | ({"planted": costs} if number < given.planted else {})
        tables = trial(settings, builders)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            pl.concat(tables.values()).write_parquet(given.keep / f"{number}.parquet")
        yield tables


def main() -> None:
    """Judge the trials; write the table after each."""
    given, rows = arguments(), []
    rule = Rule(quantile=given.quantile / 100)
    for number, tables in enumerate(kept(given.judge) if given.judge else measured_trials(given)):
        found = list(judged(tables, number, rule))
        rows += found
        pl.DataFrame(rows, infer_schema_length=None).write_csv(given.out)
        print(
            number,
            *(f"{one['new']} {one['metric']} {one['verdict']} {one['change']:+.1%};" for one in found),
            flush=True,
        )
    told(pl.DataFrame(rows, infer_schema_length=None))


if __name__ == "__main__":
    main()
