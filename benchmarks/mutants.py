"""Plant small bugs, one at a time, and count those that a test finds: `python benchmarks/mutants.py --mutants 300`.

A mutant is a file with one change: a comparison, a sign, a constant by one, a condition turned, a key, a default, a
statement gone, a mean for a median. Mutants are drawn by seed, evenly over rooms and over the files of each. The tests
that load the changed module run until one fails: those of its own room first, those of runs and commands last.

Why neither mutmut nor cosmic-ray: mutmut 3 changes functions alone, and much of what is promised here stands in
constants, defaults and declarations; cosmic-ray writes each change into the tree and starts torch anew for each. Here
torch is imported once, every mutant is a fork of that process, and no changed file is written into the tree.
"""

import argparse
import ast
import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import zip_longest
from math import inf
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import changes

ROOMS = "splits models objectives losses protocols metrics evaluation training results analysis runs figures reporting"
ORDER = """
    data datasets splits kernels attentions models objectives losses protocols metrics evaluation training profiling
    phases results analysis plots figures reporting claims docs benchmarks . runs cli
"""
"""Whose tests run before whose; `.` are those in no folder, and what is not here comes last."""
# Not Polars: it starts threads when it is imported, and a fork keeps none.
ONCE = "torch numpy matplotlib.pyplot pytest hypothesis typer rich.console safetensors.torch"
TIMES, LEAST, MEMORY = 3, 10, 12 * 2**30
"""What a mutant may take: so many times as long as the code unchanged, at least so many seconds, and bytes."""

HOOK = """
import importlib.machinery, importlib.util, sys
class Mutant(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        with open({text!r}, encoding="utf-8") as file:
            return compile(file.read(), self.path, "exec", dont_inherit=True)
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            return importlib.util.spec_from_file_location(name, {file!r}, loader=Mutant(name, {file!r}))
sys.meta_path.insert(0, Finder)
"""
"""Puts the changed text in place of a module, in the fork and, as `sitecustomize`, in every Python it starts."""


class Mutant(NamedTuple):
    """Change number `number` of a file."""

    room: str
    file: Path
    number: int


class Tests(NamedTuple):
    """A file of tests, how many seconds it takes on the code unchanged, and the modules it loads."""

    file: Path
    seconds: float
    loaded: list[str]


def planted(mutant: Mutant) -> tuple[str, str]:
    """Make the changed text of the file, and say what changed."""
    return changes.planted(mutant.file.read_text("utf-8"), mutant.number)


def draw(source: Path, rooms: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw changes in turns: one of each room, and within a room one of each file, as long as there are any."""
    chance, drawn = random.Random(seed), []
    for room in rooms:
        queues = []
        for file in sorted((source / room).rglob("*.py")):
            numbers = range(len(list(changes.sites(ast.parse(file.read_text("utf-8"))))))
            queues.append([Mutant(room, file, number) for number in chance.sample(numbers, len(numbers))])
        chance.shuffle(queues)
        drawn.append([mutant for turn in zip_longest(*queues) for mutant in turn if mutant])
    return [mutant for turn in zip_longest(*drawn) for mutant in turn if mutant][:count]


def forked(work: Callable[[], int], limit: float) -> int | None:
    """Do the work in a fork, quietly, and return its exit code; None where it took longer than `limit` seconds."""
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        try:
            os._exit(work())
        finally:
            os._exit(3)
    end, (done, status) = time.monotonic() + limit, (0, 0)
    while not done and time.monotonic() < end:
        time.sleep(0.02)
        done, status = os.waitpid(child, os.WNOHANG)
    # What it has started ends with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not done:
        os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if done else None


def run(root: Path, folder: Path, files: list[Path], hook: str = "") -> int:
    """Run files of tests until one fails; leave in `folder` which modules were loaded."""
    import pytest

    (folder / "sitecustomize.py").write_text(hook, "utf-8")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{root / 'src'}"
    os.chdir(root)
    exec(hook, {})
    quiet = ["-x", "-q", "-n0", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest"]
    # Hypothesis is there before pytest looks.
    quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = int(pytest.main([*quiet, *map(str, files)]))
    (folder / "loaded.json").write_text(json.dumps(list(sys.modules)), "utf-8")
    return code


def measure(root: Path, file: Path) -> Tests:
    """Run a file of tests on the code as it is; one that fails takes for ever."""
    with tempfile.TemporaryDirectory() as name:
        begin = time.monotonic()
        code, loaded = forked(partial(run, root, Path(name), [file]), 900), Path(name, "loaded.json")
        seconds = time.monotonic() - begin if code == 0 else inf
        return Tests(file, seconds, json.loads(loaded.read_text("utf-8")) if loaded.exists() else [])


def about(root: Path, file: Path) -> str:
    """Name the room that a file of tests is about."""
    folders = file.relative_to(root / "tests").parent.parts
    return folders[0].removeprefix("test_") if folders else "."


def judge(root: Path, tests: list[Tests], mutant: Mutant) -> str:
    """Run the tests that load the changed module, room by room; name the room whose tests fail, or none."""
    module = ".".join(mutant.file.relative_to(root / "src").with_suffix("").parts).removesuffix(".__init__")
    rooms: dict[str, list[Tests]] = defaultdict(list)
    for one in tests:
        if module in one.loaded:
            rooms[about(root, one.file)].append(one)
    with tempfile.TemporaryDirectory() as name:
        Path(name, "mutant.txt").write_text(planted(mutant)[0], "utf-8")
        hook = HOOK.format(text=f"{name}/mutant.txt", module=module, file=str(mutant.file))
        for room in sorted(rooms, key=lambda room: (room != mutant.room, place(room))):
            # The file of the same name first.
            files = sorted((one.file for one in rooms[room]), key=lambda f: (f.stem != f"test_{mutant.file.stem}", f))
            limit = max(LEAST, TIMES * sum(one.seconds for one in rooms[room]))
            code = forked(partial(run, root, Path(name), files, hook), limit)
            if code not in (0, 5):
                return "time" if code is None else room
    return ""


def place(room: str) -> int:
    """Tell when the tests of a room have their turn."""
    order = ORDER.split()
    return order.index(room) if room in order else len(order)


def table(found: list[tuple[Mutant, str]], rooms: list[str]) -> str:
    """Lay out how many were killed, room by room."""
    lines = ["| room | mutants | killed | survived | % |", "|---|---|---|---|---|"]
    for room in [*rooms, "all"]:
        killed = [bool(by) for mutant, by in found if room in (mutant.room, "all")]
        n, k = len(killed), sum(killed)
        lines.append(f"| {room} | {n} | {k} | {n - k} | {100 * k / max(n, 1):.0f} |")
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--rooms", default=ROOMS.replace(" ", ","))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--once", default=ONCE, help="modules to import before all forks")
    parser.add_argument("--list", action="store_true", help="say what would be changed, and run nothing")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="has src/PACKAGE and tests")
    return parser.parse_args()


def main() -> None:
    """Draw, measure the tests, judge, report."""
    given = options()
    root, rooms = given.root.resolve(), given.rooms.split(",")
    (package,) = {path.parent for path in (root / "src").glob("*/__init__.py")}
    mutants = draw(package, rooms, given.mutants, given.seed)
    said = {mutant: f"{mutant.file.relative_to(package)}:{planted(mutant)[1]}" for mutant in mutants}
    if given.list:
        print(*said.values(), sep="\n")
        return
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="Agg")
    sys.path.insert(0, str(root / "src"))
    for name in given.once.split():
        __import__(name)
    first = min(place(room) for room in rooms)
    files = [file for file in sorted((root / "tests").rglob("test_*.py")) if place(about(root, file)) >= first]
    # A worker of a Pool is a daemon, and may have no children; tests have.
    with ProcessPoolExecutor(given.jobs, get_context("fork")) as pool:
        measured = list(pool.map(partial(measure, root), files))
        tests = [one for one in measured if one.seconds < inf]
        for red in {one.file for one in measured} - {one.file for one in tests}:
            print(f"left out, it fails without any change: {red.relative_to(root)}", flush=True)
        if not tests:
            sys.exit("no test passes on the code unchanged.")
        found = []
        for mutant, by in zip(mutants, pool.map(partial(judge, root, tests), mutants), strict=True):
            print(f"{'killed by ' + by if by else 'SURVIVED':24} {said[mutant]}", flush=True)
            found.append((mutant, by))
    print("\n" + table(found, rooms) + "\n\nSurvived:")
    print(*(said[mutant] for mutant, by in found if not by), sep="\n")


if __name__ == "__main__":
    main()
