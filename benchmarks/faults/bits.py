"""Flip random bits in each file that linrec reads again, and count what comes of it.

    python benchmarks/faults/bits.py
    python benchmarks/faults/bits.py --flips 1000 --only table.parquet,weights.safetensors --out bits.csv

A small training on invented data leaves the files. Each flip is of one bit, anywhere in a file, and is undone after the
file was read by what reads it in use. A child reads, so that a flip which ends the process is counted and not obeyed.

noticed: one line of linrec's own that names the file; mended: the file was made anew, bit for bit, and gave the same;
unseen: it was read, and gave the same; wrong: it was read, and gave something else; traceback: an error that is none
of linrec's, or a line that does not name the file; ended: the process died.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import polars as pl
import torch
from _measured import write

from linrec_cli import runs
from linrec_cli.datasets import _archive
from linrec_cli.errors import LinrecError
from linrec_cli.results import store
from linrec_cli.runs import events, read
from linrec_cli.settings import Evaluate, Train
from linrec_cli.training import checkpoint, fit

OUTCOMES = ("noticed", "mended", "unseen", "wrong", "traceback", "ended")
SMALL = Train(attn="linear", maxlen=20, width=8, layers=1, epochs=2, tokens=200)
AMONG = Evaluate(protocol="uni100", k=(1, 10))
USERS, ITEMS, EVENTS = 60, 150, 25


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=300, help="flips in each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files, as a,b; else all")
    parser.add_argument("--out", type=Path, help="a CSV to write")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def invented() -> pl.DataFrame:
    """Make users who walk along a ring of items."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for user in range(USERS):
        steps = torch.randint(1, 4, (EVENTS,), generator=generator).cumsum(0)
        start = torch.randint(ITEMS, (), generator=generator)
        rows += [(f"u{user}", f"i{int(item) % ITEMS}", at) for at, item in enumerate(start + steps)]
    return pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")


def leave() -> None:
    """Leave all kinds of files in the folder we are in."""
    invented().write_csv("ring.csv")
    data = runs.prepare("ring.csv", min_item=0)

    def ended(event: events.Event) -> None:
        if isinstance(event, events.Epoch):
            raise KeyboardInterrupt

    try:
        runs.train(SMALL, data, Path("cut"), watch=ended)
    except KeyboardInterrupt:
        runs.train(SMALL, data, Path("done"))
    runs.evaluate(Path("done"), settings=AMONG)
    with zipfile.ZipFile("log.zip", "w") as archive:
        archive.write("ring.csv", "log/rows.csv")
    _archive.unpacked(Path("log.zip"), "log/rows.csv")


def readers() -> dict[str, tuple[Path, Callable[[], Any]]]:
    """Give each file and what reads it; what that gives can be compared by its text."""
    (prepared,) = Path("datasets/ring").glob("prepared-*")
    # Data that are made anew have none until they are drawn.
    negatives = next(prepared.glob("negatives-*.parquet"), prepared)
    done = Path("done")
    found = {
        "checkpoint.safetensors": (Path("cut") / checkpoint.CHECKPOINT, resumed),
        "weights.safetensors": (done / checkpoint.WEIGHTS, lambda: ranked(Evaluate())),
        "settings.toml": (done / store.SETTINGS, lambda: ranked(Evaluate())),
        "table.parquet": (done / store.TABLE, lambda: store.read(done).to_dicts()),
        "ranks.parquet": (done / store.RANKS, lambda: store.read_ranks(done / store.RANKS).to_dicts()),
        "history.parquet": (done / "history.parquet", lambda: told(read.read(done))),
        "negatives.parquet": (negatives, lambda: ranked(AMONG)),
        "unpacked": (Path("rows.csv"), lambda: _archive.unpacked(Path("log.zip"), "log/rows.csv").read_bytes()),
    }
    for name in ("events.parquet", "users.parquet", "items.parquet", "card.toml"):
        found[name] = (prepared / name, opened)
    return found


def ranked(settings: Evaluate) -> Any:
    """Evaluate the run: its numbers and ranks."""
    made = runs.evaluate(Path("done"), settings=settings)
    return made.rows.select("metric", "k", "stage", "value").to_dicts(), made.ranks.to_dicts(), made.settings


def resumed() -> Any:
    """Take a training up: all that it goes on with."""
    data = runs.prepare("ring.csv", min_item=0)
    state = fit.start(runs_settings(data), data.sequences, data.split("leave-one-out"))
    checkpoint.load(state, Path("cut"))
    tensors = {**state.model.state_dict(), **{f"best {name}": value for name, value in state.best.items()}}
    for number, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"{number} {name}": torch.as_tensor(value) for name, value in moments.items()}
    return checkpoint.digest({k: v.reshape(-1) for k, v in tensors.items()}), state.at, state.history


def runs_settings(data: runs.Dataset) -> Train:
    """Settle the settings of the training on its data."""
    from linrec_cli.runs.train import settled

    return settled(SMALL, data)


def told(run: read.Run) -> Any:
    """Give a run's epochs, or raise what is said to be damaged."""
    if run.damage:
        raise LinrecError(run.damage)
    return run.history


def opened() -> Any:
    """Open the data: all that is known of them."""
    made = runs.prepare("ring.csv", min_item=0).prepared
    return made.events.to_dicts(), made.users.to_dicts(), made.items.to_dicts(), sorted(made.card.items())


def outcome(path: Path, reader: Callable[[], Any], known: str, whole: bytes) -> str:
    """Read what was flipped, and say what came of it."""
    try:
        same = repr(reader()) == known
    except LinrecError as error:
        text = str(error)
        return "noticed" if path.name in text and "\n" not in text else "traceback"
    # Polars panics as no exception.
    except BaseException:
        return "traceback"
    if not same:
        return "wrong"
    return "mended" if path.read_bytes() == whole else "unseen"


def child(given: argparse.Namespace) -> None:
    """Flip bits in one file, from a certain one on, and print each outcome as it is known."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    torch.set_num_threads(1)
    # What torch and polars say of their own goes nowhere.
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    path, reader = readers()[given.child]
    # What an earlier child left when it ended.
    kept = Path(f"{path.name}.kept")
    if not kept.exists():
        kept.write_bytes(path.read_bytes())
    whole = kept.read_bytes()
    stamp = Path("log.zip").stat().st_mtime_ns

    def put(content: bytes) -> None:
        path.write_bytes(content)
        os.utime(path, ns=(stamp, stamp))

    put(whole)
    known = repr(reader())
    for number in range(given.first, given.flips):
        place = random.Random(f"{given.seed} {given.child} {number}").randrange(8 * len(whole))
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        put(bytes(flipped))
        print(json.dumps([number, outcome(path, reader, known, whole)]), file=out)
        put(whole)


def counted(name: str, given: argparse.Namespace, folder: str) -> Counter[str]:
    """Count the outcomes of all flips in one file, whatever ends a child."""
    found: dict[int, str] = {}
    while len(found) < given.flips:
        own = ["--child", name, "--first", str(len(found)), "--flips", str(given.flips), "--seed", str(given.seed)]
        command = [sys.executable, str(Path(__file__).resolve()), *own]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
        before = len(found)
        found |= dict(map(json.loads, done.stdout.splitlines()))
        if len(found) < given.flips:
            if len(found) == before and before == 0 and done.returncode == 1:
                raise SystemExit(f"{name} could not be read before anything was flipped.")
            found[len(found)] = "ended"
    return Counter(found.values())


def main() -> None:
    """Count, show, and write if that is asked for."""
    given = arguments()
    if given.child:
        child(given)
        return
    made = []
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        leave()
        sizes = {name: path.stat().st_size for name, (path, _) in readers().items()}
        print(f"{'file':<24}{'bytes':>8}{'flips':>7}" + "".join(f"{name:>11}" for name in OUTCOMES), flush=True)
        for name in given.only.split(",") if given.only else sizes:
            found = counted(name, given, folder)
            shown = "".join(f"{found[one]:>11}" for one in OUTCOMES)
            print(f"{name:<24}{sizes[name]:>8}{given.flips:>7}{shown}", flush=True)
            counts = {one: found[one] for one in OUTCOMES}
            made.append({"file": name, "bytes": sizes[name], "flips": given.flips, "seed": given.seed} | counts)
        os.chdir(here)
    if given.out:
        write(made, given.out, 1)


if __name__ == "__main__":
    main()
