"""Targets trained a second by several processes, beside one: `python benchmarks/processes.py`.

    python benchmarks/processes.py --data ml-1m --tokens 1600,12800 --how 1x1,1x2,2x1 --out processes.csv

`2x1` is two processes of one thread each, which torchrun starts; all ways train the same batches, of so many
`--tokens` together, and take turns. A way's number is the median over epochs and rounds, its ratio that of each round
with the first way in it. What two processes lose beside two threads is what they send: all gradients, each step.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
from _measured import write

Row = dict[str, Any]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="ml-100k")
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"))
    parser.add_argument("--attn", default="linear-gated")
    parser.add_argument("--maxlen", type=int, default=200)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--tokens", default="1600,12800", help="positions of a batch, all processes together")
    parser.add_argument("--how", default="1x1,1x2,2x1", help="processes x threads of each")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    return parser.parse_args(given)


def command(given: argparse.Namespace, tokens: int, processes: int, threads: int, results: Path) -> list[str]:
    """Write the command that trains once."""
    own = {name: getattr(given, name) for name in ("data", "data_dir", "attn", "maxlen", "width", "layers", "epochs")}
    own |= {"tokens": tokens, "threads": threads, "device": given.device, "dtype": "float32", "results_dir": results}
    flags = [text for name, value in own.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    start = [*TORCHRUN, str(processes)] if processes > 1 else []
    return [sys.executable, *start, "-m", "linrec_cli", "train", *flags]


def measure(given: argparse.Namespace, tokens: int, processes: int, threads: int) -> Row:
    """Train once, and read from its table what an epoch took."""
    with tempfile.TemporaryDirectory() as results:
        line = command(given, tokens, processes, threads, Path(results))
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        (path,) = Path(results).glob("runs/*/table.parquet")
        table = pl.read_parquet(path)
    cost = {row["metric"]: row for row in table.filter(stage="train").to_dicts()}
    seconds, targets = (cost[name]["value"] for name in ("seconds_per_epoch", "targets_per_epoch"))
    found = {"parameters": int(cost["parameters"]["value"]), "contended": cost["seconds_per_epoch"]["contended"]}
    return {"epoch_seconds": seconds, "targets_per_second": targets / seconds, **found}


def measured(given: argparse.Namespace) -> Iterator[Row]:
    """Train each way in turn, so that what changes on the machine meets all of them."""
    ways = [tuple(map(int, way.split("x"))) for way in given.how.split(",")]
    for tokens in map(int, given.tokens.split(",")):
        for number in range(given.rounds):
            first = 0.0
            for processes, threads in ways:
                found = measure(given, tokens, processes, threads)
                first = first or found["targets_per_second"]
                what = {"data": given.data, "attention": given.attn, "maxlen": given.maxlen, "width": given.width}
                how = {"tokens": tokens, "processes": processes, "threads_each": threads, "round": number + 1}
                yield {**what, "layers": given.layers, **how, **found, "ratio": found["targets_per_second"] / first}


def show(rows: list[Row]) -> None:
    """Print a line a way: medians over rounds."""
    for key in dict.fromkeys((r["tokens"], r["processes"], r["threads_each"]) for r in rows):
        own = [r for r in rows if (r["tokens"], r["processes"], r["threads_each"]) == key]
        tokens, processes, threads = key
        speed, ratio = (median(r[name] for r in own) for name in ("targets_per_second", "ratio"))
        busy = "  others used the cores" if any(r["contended"] for r in own) else ""
        print(f"{tokens:>8,} tokens  {processes}x{threads}  {speed:>10,.0f} targets/s  {ratio:.2f}x{busy}")


def main() -> None:
    """Measure, print and keep."""
    given = arguments()
    rows = list(measured(given))
    show(rows)
    if given.out:
        write(rows, given.out, threads=max(r["threads_each"] for r in rows))


if __name__ == "__main__":
    main()
