"""Fill the disk, forbid it, and take files away while commands run: `python benchmarks/faults/disk.py`.

Each command runs on tiny invented data, on a small file system of its own, once undisturbed. Then it runs again

- full: with room for so many pages of 4 KiB or so many files more, from none on until it ends well, so that each of
  its writes is refused in turn;
- written nowhere: with all folders read-only, and with the same folders without the right to write or to read;
- behind: while at a random one of the moments at which it opens, renames or lists a file, another file of the results
  or the data is removed, or cut in half.

What is given back, the same command is started again. What is counted, besides runs that ended well all the same:

- named: it ended with one line of linrec's own that says which file;
- traceback: it ended otherwise;
- differs: weights, tables, ranks, histories, prepared data or answers that the second run does not leave as an
  undisturbed one does, unless it names the very file that was taken away;
- leftovers: files that it leaves and an undisturbed one does not.

Without the right to mount a file system no file may grow beyond so many KiB in the place of a full one, and nothing
is read-only, which is said. `--every 3` takes each third number of pages. `--out` keeps the counts as CSV.
"""

import argparse
import contextlib
import ctypes
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parent))

import _measured
import kills
from faults import _forks
from faults._served import PAGE, served

RUN = "--results-dir results"
COMMANDS = {
    **kills.COMMANDS,
    "recommend": f"recommend linear {RUN} -o top.parquet",
    "export": f"export linear {RUN} --format safetensors -o served",
}
NEEDS = dict.fromkeys(("evaluate", "stream", "recommend", "export"), "train")
FAULTS = ("full", "read-only", "no right", "behind")
OUTCOMES = ("well", "named", "traceback", "differs", "leftovers")
LARGE = 64 << 20
NEWUSER, NEWNS = 0x10000000, 0x00020000
libc = ctypes.CDLL(None, use_errno=True)


class Trial(NamedTuple):
    """What came of a command that was given a fault, and then started again without one."""

    fault: str
    how: str
    outcome: str
    told: str
    differs: bool
    leftovers: bool


class Place:
    """A file system of our own on a folder; where none can be mounted, the folder."""

    def __init__(self, room: Path) -> None:
        """Mount it."""
        self.disk, self.aside = room / "disk", room / "aside"
        self.disk.mkdir()
        self.aside.mkdir()
        self.here, self.mounted = self.disk / "here", True
        try:
            self.mount()
        except OSError as error:
            self.mounted = False
            print(f"no file system can be mounted here ({error.strerror}): files stop growing instead", file=sys.stderr)

    def mount(self, again: bool = False, read_only: bool = False, options: str = f"size={LARGE}") -> None:
        """Mount it, or alter how it is mounted."""
        flags = 32 * again + read_only
        if libc.mount(b"tmpfs", os.fsencode(self.disk), b"tmpfs", flags, options.encode()):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def put(self, begun: Path) -> None:
        """Put a folder there, in the place of what was."""
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(begun, self.here)

    @contextlib.contextmanager
    def altered(self, **how: Any) -> Iterator[None]:
        """Mount it otherwise for a while."""
        self.mount(again=True, **how)
        try:
            yield
        finally:
            self.mount(again=True, options=f"size={LARGE},nr_inodes=100000")

    def used(self) -> tuple[int, int]:
        """Count the pages and the files that are used."""
        found = os.statvfs(self.disk)
        return (found.f_blocks - found.f_bfree) * found.f_frsize // PAGE, found.f_files - found.f_ffree

    def leave(self) -> None:
        """Unmount it."""
        if self.mounted:
            libc.umount2(os.fsencode(self.disk), 2)


def alone() -> None:
    """Keep what is mounted to this process and its children, as root or, where that is let, as nobody in particular."""
    user, group = os.getuid(), os.getgid()
    if not libc.unshare(NEWNS if user == 0 else NEWUSER | NEWNS):
        with contextlib.suppress(OSError):
            if user:
                Path("/proc/self/setgroups").write_text("deny")
                Path("/proc/self/uid_map").write_text(f"0 {user} 1")
                Path("/proc/self/gid_map").write_text(f"0 {group} 1")
            libc.mount(b"none", b"/", None, 0x44000, None)


def powerless() -> None:
    """Give up what lets root pass by modes, for children too."""
    libc.prctl(38, 1, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capset(header, none) == 0, "rights cannot be given up"


def little(size: int) -> None:
    """Let no file grow beyond so many bytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def ran(command: str, place: Place, before: Callable[[], None] = lambda: None) -> tuple[int, str]:
    """Run a command; give its exit code and what it wrote to stderr."""
    pid = _forks.command(
        COMMANDS[command].split(), place.here, place.aside, place.here / "tmp", lines=kills.LINES, before=before
    )
    code, until = kills.done(pid), time.monotonic() + 60
    # Children that have a file open would keep the disk from becoming read-only.
    while kills.session(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return code, (place.aside / "err").read_text("utf-8")


def outcome(code: int, said: str) -> str:
    """Tell how a command ended."""
    if "Traceback" in said or "panicked" in said:
        return "traceback"
    if code == 0:
        return "well"
    last = said.strip().splitlines()[-1:]
    return "named" if code in (1, 2, 3, 4) and last and last[0].startswith("linrec: ") else "traceback"


def seen(place: Place) -> dict[str, str]:
    """Read what stands there, but for what two undisturbed runs differ in."""
    for name in ("tmp", "results", "datasets"):
        (place.here / name).mkdir(exist_ok=True)
    found = kills.look(place.here)
    (place.here / "seen").unlink()
    content = {name: str(value) for name, value in found["content"].items()}
    content |= {told.partition(":")[0]: "unreadable" for told in found["unreadable"]}
    for path in [place.here / "top.parquet", *(place.here / "served").glob("*")]:
        if path.is_file():
            content[path.name] = kills.hashlib.sha256(path.read_bytes()).hexdigest()
    return content | {"out": kills.stampless((place.aside / "out").read_text("utf-8"))}


class Tried:
    """A command, what it begins with, and what an undisturbed run leaves."""

    def __init__(self, command: str, place: Place, room: Path) -> None:
        """Run it undisturbed."""
        self.command, self.place, self.begun = command, place, room / f"{command}-begun"
        (self.begun / "tmp").mkdir(parents=True)
        kills.write_log(self.begun)
        place.put(self.begun)
        if command in NEEDS:
            code, said = ran(NEEDS[command], place)
            assert code == 0, said
            shutil.rmtree(self.begun)
            shutil.copytree(place.here, self.begun)
        place.put(self.begun)
        code, said = ran(command, place, lambda: moments(place, None, random.Random()))
        assert code == 0, said
        self.moments = int((place.aside / "moments").read_text())
        self.expected, self.names = seen(place), kills.names(place.here)

    def trial(
        self, fault: str, how: str, fails: Callable[[], tuple[int, str]], given_back: Callable[[], None] = lambda: None
    ) -> Trial:
        """Run the command with a fault, then without, and compare."""
        code, said = fails()
        first = outcome(code, said)
        given_back()
        taken = (self.place.aside / "taken").read_text() if (self.place.aside / "taken").exists() else ""
        again, told = ran(self.command, self.place)
        second = outcome(again, told)
        found, left = seen(self.place), kills.names(self.place.here) - self.names
        (self.place.aside / "taken").unlink(missing_ok=True)
        other = {name for name in found.keys() | self.expected.keys() if found.get(name) != self.expected.get(name)}
        # Output tells how it came about; only an answer is a result.
        other -= {"out"} if self.command != "stream" else set()
        known = {kills.stampless(taken), Path(taken).name} if taken else set()
        named = bool(taken) and second == "named" and (Path(taken).name in told or Path(taken).parent.name in told)
        differs = not named and (second != "well" or bool(other - known))
        if "traceback" in (first, second) or differs or left:
            print(f"{self.command}, {fault}, {how}: {code} {first}, again {again} {second}; {sorted(other)} {left}")
            print(said[-1500:], told[-1500:], file=sys.stderr)
        return Trial(fault, how, "traceback" if second == "traceback" else first, said, differs, bool(left))

    def full(self, every: int) -> Iterator[Trial]:
        """Give it so much room that each of its writes is refused in turn."""
        for what in ("size", "nr_inodes") if self.place.mounted else ("growth",):
            # What it says is a file as well.
            number, well = int(what == "growth"), False
            while not well:
                self.place.put(self.begun)
                pages, files = self.place.used()
                options = {"size": f"size={(pages + number) * PAGE}", "nr_inodes": f"nr_inodes={files + number}"}

                def fails(options: str = options.get(what, ""), size: int = number * PAGE // 4) -> tuple[int, str]:
                    if not options:
                        return ran(self.command, self.place, lambda: little(size))
                    with self.place.altered(options=options):
                        return ran(self.command, self.place)

                one = self.trial("full", f"{what} {number}", fails)
                well = one.outcome != "named"
                number += every
                yield one

    def read_only(self) -> Iterator[Trial]:
        """Let nothing be written."""
        if not self.place.mounted:
            return
        self.place.put(self.begun)

        def fails() -> tuple[int, str]:
            with self.place.altered(read_only=True):
                return ran(self.command, self.place)

        yield self.trial("read-only", "all", fails)

    def no_right(self) -> Iterator[Trial]:
        """Take the right to write, or to do anything, from a folder and what is in it."""
        for name in ("results", "datasets", "tmp", "."):
            for mode in (0o555, 0):
                self.place.put(self.begun)
                top = self.place.here / name
                # Not so much as to look into the folder where we are.
                if not top.exists() or (name, mode) == (".", 0):
                    continue
                modes = {path: path.stat().st_mode for path in [top, *top.rglob("*")]}

                def fails(modes: dict[Path, int] = modes, mode: int = mode) -> tuple[int, str]:
                    for path in reversed(modes):
                        path.chmod(modes[path] & (mode | ~0o777))
                    return ran(self.command, self.place, powerless)

                def given_back(modes: dict[Path, int] = modes) -> None:
                    for path, kept in modes.items():
                        if path.exists():
                            path.chmod(kept)

                yield self.trial("no right", f"{name} {mode:o}", fails, given_back)

    def behind(self, takes: int, seed: int) -> Iterator[Trial]:
        """Take a file away, or half of it, while it runs."""
        for number in range(takes):
            draw = random.Random(f"{seed} {self.command} {number}")
            moment = draw.randrange(self.moments)
            self.place.put(self.begun)

            def fails(moment: int = moment, draw: random.Random = draw) -> tuple[int, str]:
                return ran(self.command, self.place, lambda: moments(self.place, moment, draw))

            yield self.trial("behind", f"moment {moment} of {self.moments}", fails)


def moments(place: Place, chosen: int | None, draw: random.Random) -> None:
    """Count the moments at which this process looks at files, and take one away at the chosen moment."""
    count, busy = 0, False

    def hear(event: str, given: tuple[Any, ...]) -> None:
        nonlocal count, busy
        if busy or event not in ("open", "os.rename", "os.listdir", "os.scandir") or not given:
            return
        busy = True
        name = given[0]
        if isinstance(name, str | bytes | os.PathLike) and place.here in Path(os.fsdecode(name)).absolute().parents:
            if count == chosen:
                take(place, draw)
            count += 1
            if chosen is None:
                (place.aside / "moments").write_text(str(count))
        busy = False

    sys.addaudithook(hear)


def take(place: Place, draw: random.Random) -> None:
    """Remove a file of results or data, or cut it in half."""
    tops = [place.here / name for name in ("results", "datasets")]
    found = sorted(path for top in tops for path in top.rglob("*") if path.is_file() and path.name != ".lock")
    if not found:
        return
    path = draw.choice(found)
    (place.aside / "taken").write_text(str(path.relative_to(place.here)))
    if draw.random() < 0.5:
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size // 2)


def trials(command: str, place: Place, room: Path, given: argparse.Namespace) -> Iterator[Trial]:
    """Give a command every fault that is asked for."""
    tried = Tried(command, place, room)
    ways = {
        "full": lambda: tried.full(given.every),
        "read-only": tried.read_only,
        "no right": tried.no_right,
        "behind": lambda: tried.behind(given.takes, given.seed),
    }
    for fault in given.faults.split(","):
        yield from ways[fault]()


def counted(command: str, found: list[Trial]) -> Iterator[dict[str, Any]]:
    """Count the outcomes of each fault."""
    for fault in dict.fromkeys(one.fault for one in found):
        own = [one for one in found if one.fault == fault]
        counts = Counter(one.outcome for one in own)
        counts |= {"differs": sum(one.differs for one in own), "leftovers": sum(one.leftovers for one in own)}
        yield {"refused": command, "fault": fault, "trials": len(own)} | {name: counts[name] for name in OUTCOMES}


def main() -> int:
    """Give each command each fault, print the counts, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--every", type=int, default=1, help="pages and files from one trial to the next")
    parser.add_argument("--takes", type=int, default=10, help="files taken away from each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the counts as CSV")
    given, rows = parser.parse_args(), []
    alone()
    with tempfile.TemporaryDirectory(prefix="disk-") as folder, served():
        place = Place(Path(folder))
        try:
            for command in given.commands.split(","):
                for row in counted(command, list(trials(command, place, Path(folder), given))):
                    rows.append(row)
                    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
                # In a fork: polars starts threads, which later forks would not have.
                if given.out:
                    kills.done(kills.forked(lambda: _measured.write(rows, given.out, threads=1)))
        finally:
            place.leave()
    return int(any(row[name] for row in rows for name in ("traceback", "differs", "leftovers")))


if __name__ == "__main__":
    sys.exit(main())
