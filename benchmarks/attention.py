"""Time mechanisms' cores, forward and backward, without their projections, in turns, against the first one named.

    python benchmarks/attention.py
    python benchmarks/attention.py --attn softmax,linear,linear-gated --heads 8 --lengths 200,800

Prints a Markdown table: milliseconds (the median over rounds) and the median of the rounds' ratios to the first
mechanism. Time is the thread's own where there is one thread, so that a busy machine shows less, and the wall's else.
"""

import argparse
import time
from itertools import pairwise
from statistics import median

import torch

from linrec_cli import machine
from linrec_cli.attentions._build import build
from linrec_cli.attentions._heads import Heads, apart


def main() -> None:
    """Read the options, time every length and number of heads, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--attn", default="softmax,linear")
    parser.add_argument("--heads", default="8,2")
    parser.add_argument("--lengths", default="50,100,200,400,800,1600,3200")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=25_600)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    machine.prepare(given.threads)
    clock = time.thread_time if given.threads == 1 else time.perf_counter
    names = given.attn.split(",")
    print(f"| heads | length | {' | '.join(names)} | {' | '.join(f'{n}/{names[0]}' for n in names[1:])} |")
    print("|" + "---|" * (1 + 2 * len(names)))
    for heads in map(int, given.heads.split(",")):
        for length in map(int, given.lengths.split(",")):
            runs = [core(name, given.width, heads, length, given.tokens) for name in names]
            rounds = []
            for _ in range(given.rounds + 2):
                marks = [clock()]
                for run in runs:
                    run()
                    marks.append(clock())
                rounds.append([1000 * (end - start) for start, end in pairwise(marks)])
            # Two rounds warm up.
            columns = list(zip(*rounds[2:], strict=True))
            ratios = [median(t / first for t, first in zip(c, columns[0], strict=True)) for c in columns[1:]]
            cells = [f"{median(c):.0f}" for c in columns] + [f"{ratio:.2f}" for ratio in ratios]
            print(f"| {heads} | {length} | {' | '.join(cells)} |", flush=True)


def core(name: str, width: int, heads: int, length: int, tokens: int):
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


if __name__ == "__main__":
    main()
