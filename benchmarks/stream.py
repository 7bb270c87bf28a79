"""Time each event of a stream by the length of its history, beside reading the whole history again.

    python benchmarks/stream.py
    python benchmarks/stream.py --events 2000 --history 200 --lengths 100,200 --out stream.csv

SASRec with weights as they begin, on invented events: the stream answers from windows of `--maxlen` events, and
recomputation is a model whose positions hold the whole history, which it reads for each answer; both rank all items.
A row has the median and the 99th percentile over the events whose histories end in the same `--step`. Time is the
thread's own where there is one thread, so that a busy machine shows less, and the wall's else. `--out` keeps the
numbers as CSV, of which `python benchmarks/document.py` makes the table of docs/serving.md.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from _measured import write

from linrec_cli import machine, runs
from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation.top import top
from linrec_cli.models._recommender import Facts
from linrec_cli.runs.recommend import Served
from linrec_cli.runs.result import Result
from linrec_cli.runs.stream import Stream
from linrec_cli.settings import Train
from linrec_cli.training import fit


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attn", default="linear,softmax")
    parser.add_argument("--events", type=int, default=100_000, help="events streamed in all")
    parser.add_argument("--history", type=int, default=2_000, help="events of each user")
    parser.add_argument("--maxlen", type=int, default=200, help="positions of the model that is streamed through")
    parser.add_argument("--step", type=int, default=100, help="events of a history that are summed up in a row")
    parser.add_argument("--lengths", default="100,200,400,800,1600,3200", help="histories read again as a whole")
    parser.add_argument("--repeats", type=int, default=50, help="how often each is read")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    return parser.parse_args()


def invented(items: int) -> runs.Dataset:
    """Make data in which each item was had once, so that each has an id."""
    ids = [f"i{number}" for number in range(items)]
    return runs.prepare(pl.DataFrame({"user": ["known"] * items, "item": ids}), min_user=0, min_item=0)


def served(data: runs.Dataset, attn: str, maxlen: int, width: int) -> Served:
    """Make a model with weights as they begin."""
    settings = Train(attn=attn, maxlen=maxlen, width=width)
    torch.manual_seed(0)
    model = fit.build(settings, Facts(data.sequences.count)).eval()
    return Served(Result(settings, pl.DataFrame(), pl.DataFrame(), pl.DataFrame(), model), data, "remove")


def streamed(given: argparse.Namespace, data: runs.Dataset, attn: str) -> Iterator[tuple[int, float, int]]:
    """Stream the events of some users, one user after another: a history's length, seconds, and bytes kept."""
    stream, rng = Stream(served(data, attn, given.maxlen, given.width)), np.random.default_rng(0)
    users = max(1, given.events // len(given.attn.split(",")) // given.history)
    for user in range(users + 1):
        for count, item in enumerate(rng.integers(given.items, size=given.history if user else given.step), 1):
            begin = clock(given)
            stream.answer(count, f"new-{user}", f"i{item}")
            # The first user is to warm up.
            if user:
                yield count, clock(given) - begin, stream.size() // len(stream.users) if count == 1 else 0


def again(given: argparse.Namespace, data: runs.Dataset, attn: str) -> Iterator[tuple[int, float, int]]:
    """Read whole histories again and again: the length and seconds of each, and 0."""
    rng = np.random.default_rng(1)
    for length in map(int, given.lengths.split(",")):
        one = served(data, attn, length, given.width)
        for repeat in range(-2, given.repeats):
            history = torch.from_numpy(rng.integers(1, given.items + 1, size=length))
            alone = Sequences(history, torch.tensor([0, length]), given.items, torch.tensor([1]))
            begin = clock(given)
            top(one.found.model, alone, length, 10, seen=one.seen)
            if repeat >= 0:
                yield length, clock(given) - begin, 0


def clock(given: argparse.Namespace) -> float:
    """Tell the time in seconds."""
    return time.thread_time() if given.threads == 1 else time.perf_counter()


def rows(given: argparse.Namespace, data: runs.Dataset) -> Iterator[dict[str, Any]]:
    """Measure both ways of each mechanism; a row a way and `--step` of the history."""
    for attn in given.attn.split(","):
        for way, measure in (("stream", streamed), ("recomputation", again)):
            found, kept = defaultdict(list), 0
            for count, seconds, size in measure(given, data, attn):
                found[-(-count // given.step) * given.step].append(1000 * seconds)
                kept = max(kept, size)
            for count, taken in sorted(found.items()):
                median, late = np.quantile(taken, [0.5, 0.99])
                made = {"attention": attn, "way": way, "history": count, "events": len(taken)}
                made |= {"median_ms": float(median), "p99_ms": float(late), "kept_bytes": kept}
                made |= {"maxlen": given.maxlen if way == "stream" else count}
                print(f"{attn}, {way}, history {count}: {median:.3f} ms, 99 % below {late:.3f} ms", flush=True)
                yield made | {"items": given.items, "width": given.width}


def main() -> None:
    """Measure, and write if that is asked for."""
    given = arguments()
    machine.prepare(given.threads)
    made = list(rows(given, invented(given.items)))
    if given.out:
        write(made, given.out, given.threads)


if __name__ == "__main__":
    main()
