"""Time mechanisms' cores, forward and backward, without their projections, in turns, against the first one named.

    python benchmarks/attention.py
    python benchmarks/attention.py --attn softmax,linear,linear-gated --heads 8 --lengths 200,800 --out attention.csv

Milliseconds are the median over rounds, ratios to the first mechanism the median of the rounds' ratios. Time is the
thread's own where there is one thread, so that a busy machine shows less, and the wall's else. `--out` keeps the
numbers as CSV, of which `python benchmarks/document.py` makes the table of docs/costs.md.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from _measured import write

from linrec_cli import machine
from linrec_cli.attentions._build import build
from linrec_cli.attentions._heads import Heads, apart

WARMING = 2


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attn", default="softmax,linear,linear-gated")
    parser.add_argument("--heads", default="8,2")
    parser.add_argument("--lengths", default="50,200,400,800,3200")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=25_600)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    return parser.parse_args()


def measured(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Time every number of heads and length; a row a mechanism."""
    names = given.attn.split(",")
    for heads in map(int, given.heads.split(",")):
        for length in map(int, given.lengths.split(",")):
            runs = [core(name, given.width, heads, length, given.tokens) for name in names]
            columns = list(zip(*rounds(runs, given), strict=True))
            for name, column in zip(names, columns, strict=True):
                ratio = median(mine / first for mine, first in zip(column, columns[0], strict=True))
                size = {"width": given.width, "tokens": given.tokens, "rounds": given.rounds}
                row = {
                    "attention": name,
                    "heads": heads,
                    "length": length,
                    "milliseconds": median(column),
                    "ratio": ratio,
                }
                print(f"{name}, {heads} heads, length {length}: {row['milliseconds']:.0f} ms, {ratio:.2f}", flush=True)
                yield row | size


def rounds(runs: list[Callable[[], None]], given: argparse.Namespace) -> list[list[float]]:
    """Take turns; milliseconds of each, a list a round."""
    clock = time.thread_time if given.threads == 1 else time.perf_counter
    taken = []
    for _ in range(given.rounds + WARMING):
        marks = [clock()]
        for run in runs:
            run()
            marks.append(clock())
        taken.append([1000 * (end - start) for start, end in pairwise(marks)])
    return taken[WARMING:]


def core(name: str, width: int, heads: int, length: int, tokens: int) -> Callable[[], None]:
    """Make what is timed: from what the input projection gives to what the output projection takes, and back."""
    torch.manual_seed(0)
    attention = build(name, width, heads, causal=True, maxlen=length)
    if not isinstance(attention, Heads):
        raise SystemExit(f"{name} has no queries, keys and values, so no core of its own; leave it out.")
    batch = tokens // length
    lengths = torch.full((batch,), length)
    projected, gradient = torch.randn(batch, length, 3 * width), torch.randn(batch, length, width)
    more = [part.detach() for part in attention.split(torch.randn(batch, length, width))[3:]]

    def run() -> None:
        x = projected.detach().requires_grad_()
        parts = [*apart(x, 3, heads), *(part.requires_grad_() for part in more)]
        mixed = attention.attend(*parts, lengths)
        mixed.transpose(1, 2).flatten(2).backward(gradient)

    return run


def main() -> None:
    """Measure, and write if that is asked for."""
    given = arguments()
    machine.prepare(given.threads)
    rows = list(measured(given))
    if given.out:
        write(rows, given.out, given.threads)


if __name__ == "__main__":
    main()
