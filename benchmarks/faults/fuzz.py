"""Read files that were altered at random, as commands read them, and count what comes of it.

    python benchmarks/faults/fuzz.py --inputs 1000
    python benchmarks/faults/fuzz.py --reader csv,table --inputs 100000 --seconds 600 --out fuzz.csv
    python benchmarks/faults/fuzz.py --reader csv --only 4711
    python benchmarks/faults/fuzz.py --reader csv --guided --inputs 100000

Inputs are made of a small corpus by edits of bytes, lines, numbers, headers and cells; what carries a digest gets a new
one, so that it is parsed. A child reads, so that an input which ends the process is counted and not obeyed.

refused: linrec's own error, which is told in one line; read: it was read; uncaught: any other error; hangs: over 5 s of
the processor; ended: the process died, of what it asked for or otherwise; over: it took more memory than 64 MiB and ten
times the input; MiB: the most that one took.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

os.environ.setdefault("POLARS_MAX_THREADS", "1")

if "--guided" in sys.argv:
    import atheris

    # What is imported from here on.
    atheris.instrument_imports(include=["linrec_cli"], enable_loader_override=False).__enter__()

import torch
from _measured import write
from faults import _mutate
from faults._readers import REFUSED, Reader, readers

OUTCOMES = ("refused", "read", "uncaught", "hangs", "ended", "over")
SECONDS, WAITING = 5.0, 600.0
"""Of the processor, and of the clock, that one input may take."""
CONSTANT, TIMES, ROOM = 64 << 20, 10, 2 << 30
"""Bytes and inputs that reading may take; what the process may ask for beyond what it has."""
LARGE, RARE = 1 << 20, 500
"""Bytes of a grown input, and of how many inputs one is grown."""
WARM, LINE = 60, 300
"""Inputs that are read before any counts; letters that a child has for how far it is."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", default="", help="readers, as a,b; else all")
    parser.add_argument("--inputs", type=int, default=1000, help="inputs of each reader")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each reader at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--guided", action="store_true", help="let atheris, if it is installed, alter one reader's texts"
    )
    parser.add_argument("--only", type=int, help="read this one input here, and show what comes of it")
    parser.add_argument("--out", type=Path, help="a CSV to write")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def made(reader: Reader, name: str, seed: int, number: int) -> tuple[bytes, random.Random]:
    """Make an input, the same for the same number."""
    chance = random.Random(f"{seed} {name} {number}")
    if reader.text and number % RARE == RARE - 1:
        return _mutate.grown(chance, reader.seeds, LARGE), chance
    return reader.mutate(chance, reader.seeds), chance


def outcome(reader: Reader, content: bytes, chance: random.Random) -> tuple[str, str]:
    """Read an input: what came of it, and of an error of no one's own, what it was."""
    try:
        reader.read(content, chance)
    except REFUSED:
        return "refused", ""
    # Polars panics as no exception.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "linrec_cli" in one.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return "uncaught", f"{type(error).__name__} at {place}"
    return "read", ""


def held(peak: bool = False) -> int:
    """Read the bytes that the process holds, or held at most."""
    name = "VmHWM:" if peak else "VmRSS:"
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))


def child(given: argparse.Namespace) -> None:
    """Read inputs from a certain one on, and print what came of each piece of them."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    at = os.open("at", os.O_WRONLY | os.O_CREAT)
    torch.set_num_threads(1)
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    reader = readers()[given.child]()
    # What is loaded once is no input's.
    for number, seed in enumerate((*reader.seeds, *range(WARM))):
        content = seed if isinstance(seed, bytes) else made(reader, given.child, -1, number)[0]
        outcome(reader, content, random.Random(number))
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + ROOM, has + ROOM))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    until, counts, most = time.monotonic() + given.seconds, Counter[str](), 0
    for number in range(given.first, given.inputs):
        os.pwrite(at, json.dumps([number, counts, most]).ljust(LINE).encode(), 0)
        if time.monotonic() > until:
            return
        content, chance = made(reader, given.child, given.seed, number)
        Path("/proc/self/clear_refs").write_text("5")
        before = held()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WAITING)
        what, why = outcome(reader, content, chance)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        took = held(peak=True) - before
        most = max(most, took)
        counts[what] += 1
        if took > CONSTANT + TIMES * len(content):
            counts["over"] += 1
            why = why or f"took {took >> 20} MiB for {len(content):,} bytes"
        if why:
            print(json.dumps([number, why]), file=out)
    os.pwrite(at, json.dumps([given.inputs, counts, most]).ljust(LINE).encode(), 0)


def counted(name: str, given: argparse.Namespace, room: Path) -> dict[str, Any]:
    """Count what came of all inputs of a reader, whatever ends a child."""
    counts, finds, most, first, begin = Counter[str](), dict[str, list[int]](), 0, 0, time.monotonic()
    while first < given.inputs and (left := begin + given.seconds - time.monotonic()) > 0:
        folder = Path(tempfile.mkdtemp(dir=room))
        own = ["--child", name, "--first", first, "--inputs", given.inputs, "--seconds", left, "--seed", given.seed]
        command = [sys.executable, str(Path(__file__).resolve()), *map(str, own)]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
        if not (folder / "at").exists():
            raise SystemExit(f"{name} could not be read before anything was altered.")
        first, some, peak = json.loads((folder / "at").read_text())
        shutil.rmtree(folder)
        counts.update(some)
        most = max(most, peak)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode:
            what = "hangs" if -done.returncode in (signal.SIGPROF, signal.SIGALRM) else "ended"
            counts[what] += 1
            found.append([first, f"{what} ({done.returncode})"])
            first += 1
        for number, why in found:
            finds.setdefault(why, []).append(number)
    for why, numbers in sorted(finds.items()):
        print(f"    {name} {numbers[0]} ({len(numbers)} times): {why}", flush=True)
    row = {"reader": name, "inputs": first, **{one: counts[one] for one in OUTCOMES}}
    return row | {"mib": round(most / 2**20, 1), "seconds": round(time.monotonic() - begin, 1), "seed": given.seed}


def one(name: str, given: argparse.Namespace) -> None:
    """Read one input here, with what is raised."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(tempfile.mkdtemp(dir=folder))
        reader = readers()[name]()
        content, chance = made(reader, name, given.seed, given.only)
        print(content[:3000])
        reader.read(content, chance)


def guided(name: str, given: argparse.Namespace) -> None:
    """Let what linrec's own code does with an input guide the next; end at the first that is not read or refused."""
    reader = readers()[name]()

    def read(content: bytes) -> None:
        what, why = outcome(reader, content, random.Random(content))
        if what == "uncaught":
            raise AssertionError(why)

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, seed in enumerate(reader.seeds):
            Path("seeds", str(number)).parent.mkdir(exist_ok=True)
            Path("seeds", str(number)).write_bytes(seed)
        limits = [f"-max_total_time={given.seconds:.0f}"] if given.seconds < float("inf") else []
        atheris.Setup(["fuzz", f"-runs={given.inputs}", "-timeout=60", "-rss_limit_mb=4096", *limits, "seeds"], read)
        atheris.Fuzz()


def main() -> None:
    """Count, show, and write if that is asked for."""
    given = arguments()
    if given.child:
        child(given)
        return
    names = given.reader.split(",") if given.reader else [*readers()]
    if given.only is not None:
        one(names[0], given)
        return
    if given.guided:
        guided(names[0], given)
        return
    rows = []
    head = "".join(f"{name:>10}" for name in OUTCOMES)
    print(f"{'reader':<12}{'inputs':>9}{head}{'MiB':>8}{'s':>8}", flush=True)
    with tempfile.TemporaryDirectory() as room:
        for name in names:
            row = counted(name, given, Path(room))
            shown = "".join(f"{row[one]:>10,}" for one in OUTCOMES)
            print(f"{name:<12}{row['inputs']:>9,}{shown}{row['mib']:>8}{row['seconds']:>8.0f}", flush=True)
            rows.append(row)
    if given.out:
        write(rows, given.out, 1)


if __name__ == "__main__":
    main()
