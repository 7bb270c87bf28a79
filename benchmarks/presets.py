"""What an epoch of each preset costs on one core: `python benchmarks/presets.py DATA`, by hand.

As `linrec train --preset NAME --data DATA --dry-run` says it: a few of the preset's own longest batches are trained,
and the rest of the epoch follows from them. DATA is MovieLens-1M, for which the presets were made. With `--out FILE`
it is written as CSV.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from _measured import write

from linrec_cli import catalog


def asked(preset: str, data: str) -> dict[str, Any]:
    """Ask the command what an epoch of a preset takes."""
    words = ["train", "--preset", preset, "--data", data, "--dry-run", "--json", "--threads", "1", "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "linrec_cli", *words], check=True, capture_output=True, text=True, env=environment
    )
    (cell,) = json.loads(done.stdout)["cells"]
    names = ("data", "model", "attn", "objective", "maxlen", "width", "layers", "heads", "tokens", "epochs")
    return {"preset": preset} | {name: cell[name] for name in names} | cell["estimate"]


def main() -> None:
    """Read the arguments, and print a line a preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", type=Path)
    given, rows = parser.parse_args(), []
    for name in catalog.names("presets"):
        rows.append(asked(name, given.data))
        print(f"{name}: {rows[-1]['seconds']:,.0f} s an epoch of {rows[-1]['targets']:,} targets", flush=True)
    if given.out:
        write(rows, given.out, threads=1)


if __name__ == "__main__":
    main()
