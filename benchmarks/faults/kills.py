"""Kill commands at random moments, start them again, and compare: `python benchmarks/faults/kills.py --kills 5`.

Each command runs on tiny invented data: a download of 36 kB in half a second, a training, a sweep, preprocess,
evaluate, profile and recommend --stream. It runs once undisturbed; then it is killed by SIGKILL, which nothing can be
done against, at a moment drawn evenly over the time it took, and started again until it ends. What is counted:

- unreadable: files that stood after the kill and could not be read;
- differs: weights, tables, ranks, histories, prepared data or answers that are not those of the undisturbed run, which
  a row too many or too few is as well (of a profile the cells are compared, not their times);
- leftovers: files, in results, data or the temporary folder, that the undisturbed run does not leave;
- orphans: processes that still ran `--seconds` after the kill.

`--kills 10,train=40` kills a training 40 times and all else 10. `--out` keeps the counts as CSV.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1]))

import _measured
from faults import _forks
from faults._forks import done, forked, session
from faults._served import served

TRAIN = (
    "train --data log.csv --attn linear --maxlen 8 --width 4 --heads 1 --layers 1 --epochs 3 --tokens 40 --device cpu"
    " --threads 1"
)
RUN = "--results-dir results"
COMMANDS = {
    "download": "download ml-100k",
    "train": TRAIN,
    "sweep": f"{TRAIN} --seed 1,2",
    "preprocess": "preprocess log.csv",
    "evaluate": f"evaluate linear {RUN} --metrics ndcg,coverage",
    "profile": "profile --attn linear --maxlen 8,16 --phase attention --tokens 64 --budget 0.1 --threads 1",
    "stream": f"recommend linear {RUN} --stream",
}
NEEDS = {"evaluate": "train", "stream": "train"}
"""Commands that need what another left."""
HISTORY = ["epoch", "loss", "ndcg", "recall", "targets", "batches"]
CELL = ["command", "phase", "attention", "maxlen", "stage", "metric", "k"]
TIMED = ["seconds_per_epoch", "validation_seconds", "seconds", "peak_bytes", "validation_peak_bytes"]
LINES = "".join(f"{user}\t{(7 * n + user) % 12}\n" for n in range(40) for user in range(3))
FOUND = ("unreadable", "differs", "leftovers", "orphans")
TEMPORARY = ("linrec", "pymp")


class Kill(NamedTuple):
    """What was found after one kill; counts, and the seconds until every process of it had ended."""

    command: str
    moment: float
    unreadable: int
    differs: int
    leftovers: int
    orphans: int
    seconds: float
    code: int


def write_log(folder: Path) -> None:
    """Write the histories of fifteen users who walk along a ring of twelve items."""
    draw, rows = random.Random(0), ["user,item,time"]
    for user in range(15):
        place = user
        for number in range(9):
            place += draw.randint(1, 3)
            rows.append(f"{user},{place % 12},{number}")
    (folder / "log.csv").write_text("\n".join(rows) + "\n", "utf-8")


def begin(command: str, folder: Path) -> int:
    """Begin a command in a folder, its temporary folder within; return its process id."""
    return _forks.command(COMMANDS[command].split(), folder, folder, folder / "tmp", lines=LINES)


def stampless(text: str) -> str:
    """Leave out of a text when runs began, and their number among those of the second; a digest follows."""
    return re.sub(r"\d{8}T\d{6}(-\d+)?(?=-[0-9a-f])", "STAMP", text)


def names(folder: Path) -> set[str]:
    """List the files below a folder and what is in its temporary one, without what two equal runs call differently."""
    files = {str(path.relative_to(folder)) for top in ("results", "datasets") for path in (folder / top).rglob("*")}
    left = {path.name for path in (folder / "tmp").iterdir() if path.name.startswith(TEMPORARY)}
    return {stampless(name) for name in files if not name.endswith("/.lock")} | left


def look(folder: Path) -> dict[str, Any]:
    """Read all that stands below a folder, in a fork: what could not be read, and what it says."""

    def work() -> None:
        (folder / "seen").write_text(json.dumps(read(folder), default=str), "utf-8")

    assert done(forked(work)) == 0, f"what stands in {folder} could not be looked at"
    found: dict[str, Any] = json.loads((folder / "seen").read_text("utf-8"))
    return found


def read(folder: Path) -> dict[str, Any]:
    """Read files: `unreadable`, and `content` by name."""
    import tomllib

    import polars as pl
    from safetensors.torch import load_file

    from linrec_cli.training.checkpoint import digest

    def table(path: Path) -> Any:
        frame = pl.read_parquet(path, glob=False)
        if path.name == "history.parquet":
            return frame.select(HISTORY).rows()
        if path.name != "table.parquet":
            return hashlib.sha256(str(frame.rows()).encode()).hexdigest()
        quality = frame["command"].is_in(["train", "evaluate"]) & ~frame["metric"].is_in(TIMED)
        return sorted(map(str, frame.select(CELL).rows())), frame.filter(quality)["value"].to_list()

    ways: dict[str, Callable[[Path], Any]] = {
        ".parquet": table,
        ".toml": lambda path: path.name != "card.toml" or tomllib.loads(path.read_text("utf-8"))["digest"],
        ".json": lambda path: json.loads(path.read_text("utf-8")) and None,
        ".zip": lambda path: [(one.filename, one.CRC) for one in whole(path).infolist()],
        ".safetensors": lambda path: (loaded := load_file(path)) and path.stem == "weights" and digest(loaded),
    }
    unreadable, content = [], {}
    for path in sorted(path for top in ("results", "datasets") for path in (folder / top).rglob("*")):
        # What is not whole yet is hidden, and nobody reads it.
        if path.suffix in ways and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            name = stampless(str(path.relative_to(folder)))
            try:
                content[name] = ways[path.suffix](path)
            except Exception as error:
                unreadable.append(f"{name}: {error}")
    return {"unreadable": unreadable, "content": content}


def whole(path: Path) -> zipfile.ZipFile:
    """Open an archive that is whole."""
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    return archive


def kill(command: str, begun: Path, folder: Path, seconds: float, moment: float, expected: Any, wait: float) -> Kill:
    """Kill a command at a moment, look, start it again until it ends, and compare."""
    shutil.copytree(begun, folder)
    pid = begin(command, folder)
    time.sleep(moment * seconds)
    os.kill(pid, signal.SIGKILL)
    done(pid)
    killed = time.monotonic()
    while (left := session(pid)) and time.monotonic() - killed < wait:
        time.sleep(0.05)
    took = time.monotonic() - killed
    unreadable = look(folder)["unreadable"]
    code = done(begin(command, folder))
    found, more = look(folder), names(folder) - expected["names"]
    differs = found["content"] != expected["content"]
    if command == "stream":
        differs |= (folder / "out").read_text("utf-8") != expected["out"]
    for told in [*unreadable, *more, *[f"differs: {folder}"][:differs], *[f"exit {code}: {folder}"][: bool(code)]]:
        print(f"{command} at {moment:.3f}: {told}", file=sys.stderr)
    result = Kill(command, moment, len(unreadable), int(differs), len(more), len(left), took, code)
    if not (differs or code or more or unreadable):
        shutil.rmtree(folder)
    return result


def kills(command: str, count: int, seed: int, wait: float, room: Path) -> list[Kill]:
    """Run a command undisturbed, then kill it so many times."""
    begun = room / f"{command}-begun"
    begun.mkdir()
    (begun / "tmp").mkdir()
    write_log(begun)
    if command in NEEDS:
        assert done(begin(NEEDS[command], begun)) == 0, (begun / "err").read_text("utf-8")
    whole = room / f"{command}-whole"
    shutil.copytree(begun, whole)
    start = time.monotonic()
    assert done(begin(command, whole)) == 0, (whole / "err").read_text("utf-8")
    seconds = time.monotonic() - start
    seen = look(whole)
    out = (whole / "out").read_text("utf-8")
    expected = {"content": seen["content"], "names": names(whole), "out": out}
    draw = random.Random(f"{seed} {command}")
    found = []
    for number in range(count):
        folder = room / f"{command}-{number}"
        found.append(kill(command, begun, folder, seconds, draw.random(), expected, wait))
    return found


def counted(found: list[Kill]) -> dict[str, Any]:
    """Count the kills after which something was found, and give the longest time until all processes had ended."""
    counts = {name: sum(bool(getattr(one, name)) for one in found) for name in FOUND}
    ends = {"failed": sum(bool(one.code) for one in found), "slowest_end": max(one.seconds for one in found)}
    return {"killed": found[0].command, "kills": len(found), **counts, **ends}


def main() -> int:
    """Kill each command, print the counts, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--kills", default="5", help="of each command; or as 5,train=40")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=15.0, help="in which all processes must have ended")
    parser.add_argument("--out", type=Path, help="write the counts as CSV")
    asked = parser.parse_args()
    rows, (every, *some) = [], asked.kills.split(",")
    count = {name: int(number) for name, _, number in (one.partition("=") for one in some)}
    with tempfile.TemporaryDirectory(prefix="kills-") as room, served(pause=0.05):
        for command in asked.commands.split(","):
            number = count.get(command, int(every))
            rows.append(counted(kills(command, number, asked.seed, asked.seconds, Path(room))))
            print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if asked.out:
        _measured.write(rows, asked.out, threads=1)
    return int(any(row[name] for row in rows for name in (*FOUND, "failed")))


if __name__ == "__main__":
    sys.exit(main())
