"""Stop a training at each line that it runs, go on, and compare: `python benchmarks/faults/signals.py`.

A tiny run is trained once undisturbed. Then it is begun anew for each line that is executed in `--files`, in turn,
and is sent SIGINT (or SIGTERM, by `--signal`) just before that line; the same call again must end with the same
weights bit for bit, the same table, ranks and history but for times, and the same files. `--lines 50` takes a sample
by `--seed`. It leaves with 1 where a run differs, was not stopped, or did not stop in `--seconds`.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1]))

import _measured
import polars as pl
import torch

from linrec_cli import runs
from linrec_cli.profiling import kernel, memory
from linrec_cli.settings import Train
from linrec_cli.training import checkpoint, fit

SOURCE = Path(runs.__file__).parents[1]
TRACED = "training/", "runs/", "disk.py", "temporary.py"
TINY = Train(attn="linear", maxlen=8, width=4, heads=1, layers=1, epochs=2, tokens=40, dropout=0.2, ema=0.9)
HISTORY = ("epoch", "loss", "ndcg", "recall", "targets", "batches")
TIMED = ("value", "low", "high", "contended", "samples", "note", "status")
"""Columns in which two undisturbed runs differ, where a row is one of time or of memory."""
COSTS = ("seconds_per_epoch", "validation_seconds", "seconds", "peak_bytes", "validation_peak_bytes")
FILES = {"settings.toml", "table.parquet", "weights.safetensors", "ranks.parquet", "history.parquet"}


class End(NamedTuple):
    """What a finished run is, without what two runs never share."""

    weights: str
    table: list[dict[str, Any]]
    ranks: list[tuple[Any, ...]]
    history: list[tuple[Any, ...]]
    files: frozenset[str]


class Trial(NamedTuple):
    """A run that was sent a signal at a line: whether it stopped, in how many seconds, and how it then ended."""

    line: str
    stopped: bool
    seconds: float
    differs: tuple[str, ...]


def ring() -> pl.DataFrame:
    """Make fifteen users who walk along a ring of twelve items."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for user in range(15):
        steps = torch.randint(1, 4, (9,), generator=generator).cumsum(0) + user
        rows += [(user, int(item) % 12, number) for number, item in enumerate(steps)]
    return pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")


def end(folder: Path) -> End:
    """Read what a finished run left in its folder."""
    table = pl.read_parquet(folder / "table.parquet").drop("created", "commit")
    rows = [
        {name: value for name, value in row.items() if name not in TIMED or row["metric"] not in COSTS}
        for row in table.to_dicts()
    ]
    return End(
        checkpoint.digest(checkpoint.read_weights(folder, "cpu")),
        rows,
        pl.read_parquet(folder / "ranks.parquet").rows(),
        pl.read_parquet(folder / "history.parquet").select(HISTORY).rows(),
        frozenset(path.name for path in folder.iterdir() if path.name != ".lock"),
    )


class Tracer:
    """Count the lines that are executed, and do something before one of them."""

    def __init__(self, files: Sequence[str], at: int = 0, act: Any = None) -> None:
        self.files = tuple(str(SOURCE / name) for name in files)
        self.count, self.at, self.act, self.line, self.began = 0, at, act, "", 0.0

    def __call__(self, frame: FrameType, event: str, more: Any) -> Any:
        """Trace the frames of the files that are asked for."""
        if not frame.f_code.co_filename.startswith(self.files):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.at:
                self.line = f"{Path(frame.f_code.co_filename).relative_to(SOURCE)}:{frame.f_lineno}"
                self.began = time.monotonic()
                self.act()
        return self

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Trace what is called meanwhile."""
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(None)


def once(data: runs.Dataset, folder: Path, number: int, tracer: Tracer, expected: End) -> Trial | None:
    """Begin a run, send the signal before a line, go on, and compare; None where it has fewer lines."""
    tracer.act, stopped = partial(os.kill, os.getpid(), number), False
    try:
        with tracer.tracing():
            runs.train(TINY, data, folder)
    except (KeyboardInterrupt, SystemExit):
        stopped = True
    took = time.monotonic() - tracer.began
    runs.train(TINY, data, folder)
    found = end(folder)
    shutil.rmtree(folder)
    if not tracer.line:
        return None
    differs = tuple(name for name in End._fields if getattr(found, name) != getattr(expected, name))
    return Trial(tracer.line, stopped, took, differs)


@contextmanager
def prepared(every: float) -> Iterator[None]:
    """Save every so many seconds, and leave out what takes longer than a tiny run: its kernel's name, and the heap."""
    before = fit.epochs.__kwdefaults__, kernel.name, memory.baseline
    fit.epochs.__kwdefaults__ = before[0] | {"every": every}
    kernel.name = lambda spans: [span() for span in spans.values()] and "a kernel"
    memory.baseline = memory.status
    handler = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        fit.epochs.__kwdefaults__, kernel.name, memory.baseline = before
        signal.signal(signal.SIGTERM, handler)


def terminate(number: int, frame: FrameType | None) -> None:
    """Leave as the command line does on SIGTERM."""
    raise SystemExit(128 + number)


def trials(
    lines: int | None = None, seed: int = 0, number: int = signal.SIGINT, every: float = 60.0,
    files: Sequence[str] = TRACED,
) -> list[Trial]:  # fmt: skip
    """Stop a tiny run at each line, or at a sample of them."""
    data = runs.prepare(ring(), name="ring", min_user=0, min_item=0)
    with tempfile.TemporaryDirectory(prefix="linrec-") as room, prepared(every):
        folder, tracer = Path(room) / "run", Tracer(files)
        with tracer.tracing():
            runs.train(TINY, data, folder)
        expected = end(folder)
        shutil.rmtree(folder)
        assert expected.files == FILES
        chosen: Sequence[int] = range(1, tracer.count + 1)
        if lines:
            chosen = sorted(random.Random(seed).sample(chosen, lines))
        found = [once(data, folder, number, Tracer(files, at), expected) for at in chosen]
    # What is written once a second makes a slow run a few lines longer.
    return [one for one in found if one]


def main() -> int:
    """Stop it at each line, print what came of it, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, help="a sample of so many; all of them, where it is not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=["SIGINT", "SIGTERM"], default="SIGINT")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two checkpoints; 0: each batch")
    parser.add_argument("--seconds", type=float, default=5.0, help="within which it must have stopped")
    parser.add_argument("--files", default=",".join(TRACED), help="of src/linrec_cli whose lines count")
    parser.add_argument("--out", type=Path, help="write the counts as CSV")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    # A shell has what it starts in the background ignore it, and a training heeds that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found = trials(asked.lines, asked.seed, signal.Signals[asked.signal], asked.every, asked.files.split(","))
    differing = [one for one in found if one.differs]
    unheard, late = [one for one in found if not one.stopped], [one for one in found if one.seconds > asked.seconds]
    for kind, those in (("differs", differing), ("did not stop", unheard), ("stopped late", late)):
        for (line, differs), count in Counter((one.line, one.differs) for one in those).items():
            print(f"{kind}: {line} {', '.join(differs)} ({count} times)")
    slowest = max(one.seconds for one in found)
    print(f"{asked.signal} at {len(found)} lines: {len(differing)} runs differ, {len(unheard)} did not stop,")
    print(f"{len(late)} took more than {asked.seconds:g} s to; the slowest {slowest:.2f} s.")
    if asked.out:
        counts = {"lines": len(found), "differs": len(differing), "unheard": len(unheard), "late": len(late)}
        row = {"signal": asked.signal, "files": asked.files, **counts, "slowest": slowest, "allowed": asked.seconds}
        _measured.write([row], asked.out, threads=1)
    return int(bool(differing or unheard or late))


if __name__ == "__main__":
    sys.exit(main())
