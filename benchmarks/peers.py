"""Compare linrec with RecBole 1.2.1's SASRec, on one log and the same targets, in turns, a process each.

    python benchmarks/peers.py
    python benchmarks/peers.py --data ml-1m --rounds 1 --batches 2 --out peers-ml-1m.csv

RecBole and this checkout are installed in an environment of their own, which is kept (`--environment`); pip's own
settings hold there, so that `PIP_EXTRA_INDEX_URL` can name where builds of torch without CUDA are. RecBole's SASRec
stands there twice: with softmax, and with attention by the formula released with LinRec; linrec's trains every position
at once, under `softmax` and `linear`. Both read RecBole's atomic file of linrec's prepared log, unfiltered; the time in
it is an event's place in its history, so that ties are in one order. Width, heads and layers are the same (RecBole's
feed-forward is twice as wide inside).

Seconds are of CPU. RecBole's epoch is extrapolated from `--batches` after one that warms up, linrec's is real, and its
peak holds the validation of each epoch too. Both rank all items for every test user, those of the history among them.
Ratios are RecBole's number over that of linrec's counterpart in the same round. `--until` adds the seconds to that
validation NDCG@10, each side with its own batches and optimiser; RecBole's may take hours. Told to keep its memory,
as linrec does by itself, RecBole is faster: MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_THRESHOLD_=33554432 in front.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
from _measured import write

from linrec_cli import machine, runs

ROOT = Path(__file__).resolve().parents[1]
RELEASE = "recbole==1.2.1"
PINS = (RELEASE, "setuptools<81", "numpy==1.26.4", "pandas==2.2.3", "matplotlib<3.11")
"""RecBole, and the releases without which it can't be imported or fails at the first call."""
SIDES = (("recbole", "softmax"), ("recbole", "released"), ("linrec", "softmax"), ("linrec", "linear"))
COUNTERPART = {"softmax": "softmax", "released": "linear"}
SAME = ("targets", "valid", "test", "target_sum")
"""What all sides must agree on."""
NUMBERS = ("prepare_seconds", "epoch_seconds", "peak_bytes", "users_per_second", "until_seconds")
SHAPES = {"ml-100k": (50, 2048)}
"""Positions and RecBole's batch; elsewhere `LONG`: a larger batch takes RecBole tens of GB there."""
LONG = (200, 256)

Row = dict[str, Any]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="ml-100k", help="a name or a file, as linrec takes them")
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=3, help="of RecBole's, after one that warms up")
    parser.add_argument("--epochs", type=int, default=3, help="of linrec's, of which the first warms up; 2 at least")
    parser.add_argument("--maxlen", type=int, help="default: 50 on ml-100k, else 200")
    parser.add_argument("--batch", type=int, help="of RecBole's; default: 2048 on ml-100k, else 256")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--until", type=float, default=0.0, help="train on until this NDCG@10")
    parser.add_argument("--minutes", type=float, default=60.0, help="of CPU a side at most, for --until")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--environment", type=Path, default=cache / "linrec" / RELEASE.replace("==", "-"))
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    given = parser.parse_args()
    usual = SHAPES.get(given.data, LONG)
    given.maxlen, given.batch = given.maxlen or usual[0], given.batch or usual[1]
    return given


def environment(folder: Path) -> Path:
    """Make the environment in which both sides run, or take the one that is there; give its Python.

    Raises:
        SystemExit: it can't be made.
    """
    folder = folder.resolve()
    python, stamp = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), folder / "made.json"
    install, commit = [str(python), "-m", "pip", "install", "-q"], machine.commit()
    if not stamp.is_file() and folder.is_dir() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty and was not made by this script; give --environment another folder.")
    made = json.loads(stamp.read_text()) if stamp.is_file() else {}
    if made.get("pins") != [*PINS]:
        print(f"making an environment for {RELEASE} in {folder}", flush=True)
        called([sys.executable, "-m", "venv", "--clear", str(folder)])
        # So that one that was broken off is known again.
        stamp.write_text("{}")
        called([*install, "-c", "constraints.txt", "."])
        called([*install, *PINS])
    elif made["commit"] != commit or commit.endswith("+") or not commit:
        called([*install, "--no-deps", "--force-reinstall", "."])
    stamp.write_text(json.dumps({"pins": PINS, "commit": commit}))
    return python


def called(command: list[str]) -> None:
    """Run a command of the installation.

    Raises:
        SystemExit: it fails, with the last line that it wrote.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(f"no environment for RecBole: {error}") from error
    if done.returncode:
        raise SystemExit(f"no environment for RecBole: {' '.join(command[:4])} ... said: {last(done)}")


def last(done: "subprocess.CompletedProcess[str]") -> str:
    """Give the last line that says why a command ended."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or [f"nothing, and ended with {done.returncode}"])[-1].strip()


def atomic(events: pl.DataFrame, folder: Path) -> Path:
    """Write prepared events as RecBole's atomic file, with the numbers of users and items as their ids."""
    path = folder / "log" / "log.inter"
    path.parent.mkdir(parents=True)
    place = pl.int_range(pl.len()).over("user")
    names = {"user_id:token": pl.col("user"), "item_id:token": pl.col("item"), "timestamp:float": place}
    events.select(**names).write_csv(path, separator="\t")
    return path


def measured(python: Path, asked: Row, folder: Path) -> Row:
    """Measure a side in a process of its own; where it fails, say why."""
    command = [str(python), str(ROOT / "benchmarks" / "_sides.py"), json.dumps(asked)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"note": last(done)}
    return json.loads(done.stdout.splitlines()[-1])


def rounds(measure: Callable[[Row], Row], number: int) -> list[Row]:
    """Let the sides take turns; each round begins with another."""
    rows = []
    for turn in range(number):
        first = turn % len(SIDES)
        for program, attention in SIDES[first:] + SIDES[:first]:
            side = {"program": program, "attention": attention}
            rows.append(side | {"round": turn} | measure(side))
            print({name: value for name, value in rows[-1].items() if name != "versions"}, flush=True)
    return rows


def agreed(rows: list[Row]) -> None:
    """Make sure that all sides had the same targets.

    Raises:
        SystemExit: they had not.
    """
    found = {tuple(row[name] for name in SAME) for row in rows if "note" not in row}
    if len(found) > 1:
        raise SystemExit(f"the sides differ in {', '.join(SAME)}: {sorted(found)}")


def with_ratios(rows: list[Row]) -> list[Row]:
    """Put beside RecBole's numbers how many times those of linrec's counterpart they are, round by round."""
    ours = {(row["round"], row["attention"]): row for row in rows if row["program"] == "linrec"}
    made = []
    for row in rows:
        other = ours.get((row["round"], COUNTERPART.get(row["attention"]))) if row["program"] == "recbole" else None
        pairs = {name: (row.get(name), (other or {}).get(name)) for name in NUMBERS}
        made.append(row | {f"{name}_ratio": mine / theirs for name, (mine, theirs) in pairs.items() if mine and theirs})
    return made


def summary(rows: list[Row]) -> pl.DataFrame:
    """Sum the rounds up by their medians, a side a row."""
    lines = []
    for program, attention in SIDES:
        mine = [row for row in rows if (row["program"], row["attention"]) == (program, attention)]
        line: Row = {"program": program, "attention": attention}
        for name in NUMBERS:
            for column in (name, f"{name}_ratio"):
                values = [row[column] for row in mine if row.get(column) is not None]
                if values:
                    line[column] = float(median(values))
        lines.append(line)
    return pl.DataFrame(lines, infer_schema_length=None)


def main() -> None:
    """Make what is needed, measure, print a table, and write if that is asked for."""
    given = arguments()
    data = runs.prepare(given.data, data_dir=given.data_dir, min_user=0, min_item=0)
    python = environment(given.environment)
    shape = ("maxlen", "width", "heads", "layers", "batch", "batches", "epochs", "threads", "until", "minutes")
    size = {name: getattr(given, name) for name in shape}
    with tempfile.TemporaryDirectory() as folder:
        log = str(atomic(data.prepared.events, Path(folder)))
        rows = rounds(lambda side: measured(python, size | side | {"log": log}, Path(folder)), given.rounds)
    agreed(rows)
    versions: Row = next((row["versions"] for row in rows if "versions" in row), {})
    known = {"data": data.name, "users": len(data.prepared.users), "items": len(data.prepared.items)} | size
    rows = [{k: v for k, v in row.items() if k != "versions"} | known for row in with_ratios(rows)]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(summary(rows))
    if given.out:
        malloc = " ".join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("MALLOC_"))
        write(rows, given.out, given.threads, malloc=malloc, **versions)
    if all("note" in row for row in rows):
        raise SystemExit("nothing could be measured")


if __name__ == "__main__":
    main()
