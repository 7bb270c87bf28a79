"""How time and memory grow with one history, with the catalog and with the number of users: slopes in log-log.

    python benchmarks/scale.py
    python benchmarks/scale.py --parts history --attn linear,softmax --lengths 4096,8192,16384 --out scale.csv

`history` is a training step on one user of so many events, `catalog` one on a batch of `--tokens` positions over so
many items, each loss a series, and `users` is what `linrec preprocess` does with a CSV of so many users. A size is a
process of its own. Memory is the high-water mark of resident memory above what stood before data and model. A size
that would take more than `--seconds` or `--gigabytes`, going by the two before it, is left out, and its row says so.
Seconds are of CPU where there is one thread, so that a busy machine shows less, and the wall's else.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from _measured import write

from linrec_cli import machine
from linrec_cli.analysis.scaling import exponents

Row = dict[str, Any]
COSTS = {"seconds": "time_slope", "peak_bytes": "memory_slope"}
QUICK = {"attn": "linear", "lengths": "64,128,256", "items": "100,400", "users": "100,400", "losses": "sampled"}
STEPS, ENOUGH = 5, 2.0
"""A step is taken so often, or until so many seconds are over; the median counts."""
CHUNK = 2_000_000
"""Rows of a CSV that are made at once."""
ROW_BYTES = 60
"""Bytes of disk that a row takes at most, as CSV and prepared."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="history,catalog,users")
    parser.add_argument("--attn", default="linear,linear-gated,softmax")
    parser.add_argument("--lengths", default=",".join(str(2**n) for n in range(12, 21)), help="events of the one user")
    parser.add_argument("--losses", default="sampled,cross-entropy")
    parser.add_argument("--items", default="10000,30000,100000,300000,1000000", help="items of the catalog")
    parser.add_argument("--tokens", type=int, default=1600, help="positions of a batch of the catalog, 200 a window")
    parser.add_argument("--users", default="100000,300000,1000000,3000000,10000000")
    parser.add_argument("--events", type=int, default=5, help="of each user")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120.0, help="that a step may take; ten times as long: a CSV")
    parser.add_argument("--gigabytes", type=float, default=16.0)
    parser.add_argument("--quick", action="store_true", help="small sizes: proves that it runs, no more")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    given = parser.parse_args()
    if given.quick:
        vars(given).update(QUICK)
    return given


def numbers(text: str) -> list[int]:
    """Read sizes as a,b, ascending."""
    return sorted({int(float(part)) for part in text.split(",")})


def step(asked: Row) -> Row:
    """Take training steps on full windows of drawn items; `maxlen` positions a window, `batch` windows."""
    # The optimiser loads the second with its first step.
    import torch
    import torch._dynamo

    from linrec_cli.data.sequences import Sequences
    from linrec_cli.phases import _model
    from linrec_cli.profiling import memory
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.training import fit

    before = memory.baseline()
    shape = {name: asked[name] for name in ("attn", "maxlen", "items", "loss", "width", "threads")}
    fixed = {"phase": "step", "model": "sasrec", "heads": 2, "layers": 2, "seed": 0, "device": "cpu"}
    cell = Cell(**shape, **fixed, tokens=asked["batch"] * asked["maxlen"], dtype="float32")
    torch.manual_seed(0)
    length = asked["maxlen"] + 1
    flat = torch.randint(1, asked["items"] + 1, (length,))
    state = _model.start(cell, Sequences(flat, torch.tensor([0, length]), asked["items"], torch.tensor([1])))
    fit.step(state, _model.batch(cell, 1, min(asked["maxlen"], 64)))
    whole, taken = _model.batch(cell, asked["batch"], asked["maxlen"]), list[float]()
    while len(taken) < STEPS and sum(taken) < ENOUGH:
        begin = clock(asked["threads"])
        fit.step(state, whole)
        taken.append(clock(asked["threads"]) - begin)
    return {"seconds": median(taken), "peak_bytes": memory.above(before)}


def preprocess(asked: Row) -> Row:
    """Prepare a CSV as `linrec preprocess` does."""
    from linrec_cli.data import store
    from linrec_cli.profiling import memory

    before, begin = memory.baseline(), clock(asked["threads"])
    made = store.open_prepared(asked["path"], Path(asked["path"]).parent / "datasets")
    found = {"seconds": clock(asked["threads"]) - begin, "peak_bytes": memory.above(before)}
    return found | {"rows": made.card["rows_read"], "users_kept": made.card["users"]}


def clock(threads: int) -> float:
    """Tell the time in seconds."""
    return time.process_time() if threads == 1 else time.perf_counter()


def generate(path: Path, users: int, events: int, items: int) -> None:
    """Write a CSV in which every user has so many events, in the order of time, users mixed."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for first in range(0, users * events, CHUNK):
            row = np.arange(first, min(first + CHUNK, users * events), dtype=np.int64)
            # A prime that is larger than any number of users: each round goes through all of them, in an order.
            user = (row % users * (2**31 - 1) + row // users * 104_729) % users
            # Squared uniforms: a few items are popular and most are rare, as in real logs.
            item = (rng.random(len(row)) ** 2 * items).astype(np.int64)
            frame = pl.DataFrame({"user_id": user + 1, "item_id": item + 1, "timestamp": row + 1_400_000_000})
            frame.write_csv(file, include_header=first == 0)


def history(given: argparse.Namespace) -> Iterator[list[Row]]:
    """Ask for the steps on one user, a series a mechanism."""
    for attn in given.attn.split(","):
        same = {"part": "history", "name": attn, "attn": attn, "items": 3416, "loss": "cross-entropy", "batch": 1}
        yield [same | {"size": length, "maxlen": length} for length in numbers(given.lengths)]


def catalog(given: argparse.Namespace) -> Iterator[list[Row]]:
    """Ask for the steps over catalogs, a series a loss."""
    for loss in given.losses.split(","):
        batch = max(1, given.tokens // 200)
        same = {"part": "catalog", "name": loss, "attn": "linear", "loss": loss, "maxlen": 200, "batch": batch}
        yield [same | {"size": items, "items": items} for items in numbers(given.items)]


def users(given: argparse.Namespace) -> Iterator[list[Row]]:
    """Ask for the CSVs; ten users an item, so that hardly an item is too rare to stay."""
    same = {"part": "users", "name": "preprocess", "events": given.events}
    yield [same | {"size": count, "items": max(20, count // 10)} for count in numbers(given.users)]


PARTS = {"history": history, "catalog": catalog, "users": users}


def series(asked: list[Row], given: argparse.Namespace, measure: Callable[[Row], Row]) -> list[Row]:
    """Measure the sizes of a series in order; from the first that would take too much on, each says why it was not."""
    rows, note = list[Row](), ""
    most = {"seconds": given.seconds * (10 if asked[0]["part"] == "users" else 1), "peak_bytes": given.gigabytes * 1e9}
    for one in asked:
        note = note or beyond(rows, one["size"], most)
        found = {"note": note} if note else measure(one)
        note = note or found.get("note", "")
        rows.append(one | found)
        shown = note or f"{found['seconds']:.3g} s, {found['peak_bytes'] / 1e6:,.0f} MB"
        print(f"{one['part']}, {one['name']}, {one['size']:,}: {shown}", flush=True)
    return rows


def beyond(rows: list[Row], size: int, most: dict[str, float]) -> str:
    """Say why a size is left out, going by the last two: each cost goes on as it rose, linearly at least."""
    for cost, limit in most.items():
        if rows:
            slope = max([1.0, *(local(*pair, cost) for pair in pairwise(rows[-2:]))])
            expected = rows[-1][cost] * (size / rows[-1]["size"]) ** slope
            if expected > limit:
                return f"left out: {cost} would be {expected:.2g}, and {limit:.2g} are allowed"
    return ""


def local(low: Row, high: Row, cost: str) -> float:
    """Give the slope between two sizes in log-log; 0 where a cost is too small to be seen."""
    if min(low[cost], high[cost]) <= 0:
        return 0.0
    return math.log(high[cost] / low[cost]) / math.log(high["size"] / low["size"])


def with_slopes(rows: list[Row]) -> list[Row]:
    """Put beside each size of a series the slope from the one before, and beside all that of the whole line."""
    known = [row for row in rows if "note" not in row]
    before = {
        high["size"]: {name: local(low, high, cost) for cost, name in COSTS.items()} for low, high in pairwise(known)
    }
    whole = {f"{name}_overall": fitted(known, cost) for cost, name in COSTS.items()}
    return [row | before.get(row["size"], {}) | whole for row in rows]


def fitted(rows: list[Row], cost: str) -> float | None:
    """Fit a straight line in log-log by least squares; no slope of fewer than two sizes, or of a cost of 0."""
    costs = np.array([row[cost] for row in rows], dtype=float)
    if len(costs) < 2 or costs.min() <= 0:
        return None
    return float(exponents(np.array([row["size"] for row in rows]), costs))


def apart(asked: Row, given: argparse.Namespace) -> Row:
    """Measure a size in a process of its own; where that fails, say how it ended."""
    whole = asked | {"width": given.width, "threads": given.threads}
    with tempfile.TemporaryDirectory() as folder:
        if asked["part"] == "users":
            needed, free = ROW_BYTES * asked["size"] * asked["events"], shutil.disk_usage(folder).free
            if needed > free / 2:
                return {"note": f"left out: it would take {needed / 1e9:.0f} GB of disk, and {free / 1e9:.0f} are free"}
            whole["path"] = str(Path(folder) / "log.csv")
            generate(Path(whole["path"]), asked["size"], asked["events"], asked["items"])
        command = [sys.executable, __file__, "--one", json.dumps(whole)]
        limited = os.environ | {"POLARS_MAX_THREADS": str(given.threads)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=limited)
    if done.returncode:
        return {"note": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure every series, print it with its slopes, and write if that is asked for."""
    given = arguments()
    machine.prepare(given.threads)
    if given.one:
        asked = json.loads(given.one)
        print(json.dumps((preprocess if asked["part"] == "users" else step)(asked)))
        return
    rows = list[Row]()
    for part in given.parts.split(","):
        for asked in PARTS[part](given):
            rows += with_slopes(series(asked, given, lambda one: apart(one, given)))
    shown = ["part", "name", "size", *COSTS, *COSTS.values(), *(f"{name}_overall" for name in COSTS.values())]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(pl.DataFrame([{name: row.get(name) for name in shown} for row in rows], infer_schema_length=None))
    if given.out:
        write([row | {"width": given.width} for row in rows], given.out, given.threads)


if __name__ == "__main__":
    main()
