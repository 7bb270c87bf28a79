"""Start a command many times at once, on one results folder and one data folder: `python benchmarks/faults/races.py`.

Each command runs on tiny invented data, once alone and then eight times at once, `--rounds` times: the same training,
sweep, download, preprocessing, evaluation, profile or export, or trainings of eight seeds, or one of each of what may
go on beside a training ("mixed"). What is counted:

- stuck: processes that had not ended after `--seconds`;
- failed: processes that ended otherwise than well, or, of the same training, than with linrec's own line that another
  process is at work there;
- lost: rounds after which files could not be read, or weights, tables, ranks, histories or prepared data were not
  those that the command leaves alone, which a row too many or too few is as well;
- leftovers: rounds that left files which the command alone does not leave;
- again: downloads after the first of a round.

`--folders A,B` are paths of one folder, such as two mounts of a network file system: the processes are at work there in
turns. `--out` keeps the counts as CSV.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import _measured
from faults import _forks, kills
from faults._served import served

RUN = "--results-dir results"
EVALUATE = f"evaluate log-sasrec-linear-8-s0 {RUN}"
COUNT = 8
SAME = {name: [line] * COUNT for name, line in kills.COMMANDS.items() if name != "stream"}
COMMANDS = SAME | {
    "export": [f"export log-sasrec-linear-8-s0 {RUN} --format safetensors -o served"] * COUNT,
    "seeds": [f"{kills.TRAIN} --seed {number}" for number in range(COUNT)],
    "mixed": [
        *(f"{kills.TRAIN} --seed 1,2", f"{kills.TRAIN} --seed 2,1", "preprocess log.csv", EVALUATE),
        *(f"show {RUN}", "report results --format md", "plot results --format svg"),
        f"recommend log-sasrec-linear-8-s0 {RUN} --k 3 --history 1,2",
    ],
}
NEEDS = {"evaluate": "train", "export": "train", "mixed": "train"}
"""What another command is to leave first."""
BUSY = "another process is at work on"
COUNTED = ("stuck", "failed", "lost", "leftovers", "again")


def together(lines: Sequence[str], folders: Sequence[Path], aside: Path, wait: float) -> tuple[Counter[str], list[str]]:
    """Start commands at once, and wait for all; count those that were stuck or failed, with what they said.

    What is temporary, and what they say, stays on this machine.
    """
    began, counts, said = time.monotonic(), Counter[str](), []
    own = [aside / str(number) for number in range(len(lines))]
    for folder in own:
        (folder / "tmp").mkdir(parents=True)
    pids = [
        _forks.command(line.split(), folders[number % len(folders)], own[number], own[number] / "tmp")
        for number, line in enumerate(lines)
    ]  # fmt: skip
    for pid, line, folder in zip(pids, lines, own, strict=True):
        while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() - began < wait:
            time.sleep(0.02)
        if not ended[0]:
            os.killpg(pid, signal.SIGKILL)
            _forks.done(pid)
            counts["stuck"] += 1
        elif code := os.waitstatus_to_exitcode(ended[1]):
            told = (folder / "err").read_text("utf-8").strip().splitlines() or [""]
            if line != kills.TRAIN or not told[-1].startswith("linrec: ") or BUSY not in told[-1]:
                counts["failed"] += 1
                said.append(f"{line}: {code} {told[-1]}")
    return counts, said


def expected(name: str, begun: Path, room: Path, aside: Path) -> tuple[dict[str, Any], set[str]]:
    """Run the commands of a race one after the other; give what they leave."""
    alone = room / f"{name}-alone"
    shutil.copytree(begun, alone)
    for line in COMMANDS[name] if len(set(COMMANDS[name])) > 1 else COMMANDS[name][:1]:
        assert _forks.done(_forks.command(line.split(), alone, aside, aside)) == 0, (aside / "err").read_text("utf-8")
    return kills.look(alone)["content"], kills.names(alone)


def race(
    name: str, rounds: int, folders: Sequence[Path], aside: Path, wait: float, asked: list[float]
) -> dict[str, Any]:
    """Let a command race against itself, and count what came of it."""
    top = f"{name}-{os.getpid()}"
    room, ways = folders[0] / top, [folder / top for folder in folders]
    begun = room / "begun"
    (begun / "tmp").mkdir(parents=True)
    kills.write_log(begun)
    if name in NEEDS:
        first = kills.COMMANDS[NEEDS[name]].split()
        assert _forks.done(_forks.command(first, begun, aside, aside)) == 0, (aside / "err").read_text("utf-8")
    content, names = expected(name, begun, room, aside)
    counts = Counter[str]()
    for number in range(rounds):
        here = room / str(number)
        shutil.copytree(begun, here)
        asked.clear()
        found, said = together(COMMANDS[name], [way / str(number) for way in ways], aside / f"{name}-{number}", wait)
        seen, more = kills.look(here), kills.names(here) ^ names
        more |= {path.name for path in aside.glob(f"{name}-{number}/*/tmp/*") if path.name.startswith(kills.TEMPORARY)}
        counts += found
        # Each profile is a run of its own.
        runs = len([*(here / "results" / "runs").glob("*")]) if name == "profile" else COUNT
        counts["lost"] += bool(seen["unreadable"]) or seen["content"] != content or runs != COUNT
        counts["leftovers"] += bool(more)
        counts["again"] += max(0, len(asked) - 1)
        for told in (*said, *seen["unreadable"], *more):
            print(f"{name}, round {number}: {told}", file=sys.stderr)
    shutil.rmtree(room)
    return {"raced": name, "rounds": rounds, "processes": rounds * COUNT} | {one: counts[one] for one in COUNTED}


def main() -> int:
    """Let each command race, print the counts, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=300.0, help="in which a round must have ended")
    parser.add_argument("--folders", default="", help="paths of one folder, as A,B; else a temporary one")
    parser.add_argument("--on", default="", help="what the folder is on, for the table")
    parser.add_argument("--out", type=Path, help="write the counts as CSV")
    given, rows = parser.parse_args(), []
    with tempfile.TemporaryDirectory(prefix="races-") as folder, served(pause=0.05) as asked:
        aside = Path(folder)
        folders = [Path(one).resolve() for one in given.folders.split(",") if one] or [aside]
        for name in given.commands.split(","):
            rows.append(race(name, given.rounds, folders, aside, given.seconds, asked) | {"on": given.on})
            print(", ".join(f"{one} {value}" for one, value in rows[-1].items()), flush=True)
    if given.out:
        _measured.write(rows, given.out, threads=1)
    return int(any(row[name] for row in rows for name in COUNTED))


if __name__ == "__main__":
    sys.exit(main())
