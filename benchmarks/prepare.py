"""Time and peak memory of preparing a large shuffled file: `python benchmarks/prepare.py --rows 20_000_000`.

Makes a CSV with strings as ids and a Parquet with integers, and prepares each in a fresh process. `--out` keeps the
numbers as CSV, of which `python benchmarks/document.py` makes the sentence of docs/costs.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _measured import write

CHILD = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from linrec_cli.data import store
prepared = store.open_prepared(sys.argv[1], Path(sys.argv[2]))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak_bytes": peak * 1024, "digest": prepared.digest}))
"""
STRINGS, INTEGERS = "a CSV with strings as ids", "a Parquet of integers"


def events(rows: int, items: int, seed: int) -> pl.DataFrame:
    """Draw shuffled events of users with 200 each."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(max(rows // 200, 1), dtype=np.int64), 200)[:rows]
    user = rng.permutation(np.pad(user, (0, rows - len(user))))
    # Squared uniforms: a few items are popular and most are rare, as in real logs.
    item = (rng.random(rows) ** 2 * items).astype(np.int64)
    moment = rng.integers(1_400_000_000, 1_700_000_000, rows)
    return pl.DataFrame({"user_id": user * 7919 + 1, "item_id": item * 31 + 5, "rating": item % 5, "timestamp": moment})


def files(folder: Path, rows: int, items: int, seed: int) -> dict[str, Path]:
    """Write the same events as CSV and as Parquet."""
    csv, parquet = folder / f"strings-{rows}.csv", folder / f"integers-{rows}.parquet"
    frame = events(rows, items, seed)
    frame.write_parquet(parquet)
    text = (pl.format("user-{}", pl.col("user_id").cast(pl.String).str.zfill(9)).alias("user_id"),
            pl.format("B{}", pl.col("item_id").cast(pl.String).str.zfill(9)).alias("item_id"))  # fmt: skip
    frame.lazy().with_columns(*text).sink_csv(csv)
    return {STRINGS: csv, INTEGERS: parquet}


def measure(path: Path, folder: Path) -> dict[str, Any]:
    """Prepare a file in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(path), str(folder)]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return {**json.loads(done.stdout), "process_seconds": time.perf_counter() - start}


def main() -> None:
    """Make the files, prepare each, print and keep what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep the files here instead of a temporary folder")
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    given, rows = parser.parse_args(), []
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        for kind, path in files(folder, given.rows, given.items, given.seed).items():
            found = measure(path, Path(made) / "datasets")
            megabytes = path.stat().st_size / 1e6
            rows.append({"file": kind, "rows": given.rows, "megabytes": megabytes, **found})
            print(f"{path.name}: {megabytes:.0f} MB, {found['seconds']:.1f} s ({found['process_seconds']:.1f} s with"
                  f" start-up), peak {found['peak_bytes'] / 1e9:.2f} GB, digest {found['digest']}")  # fmt: skip
    if given.out:
        write(rows, given.out, threads=pl.thread_pool_size())


if __name__ == "__main__":
    main()
