"""Count what a training step launches on a GPU, and time the host that launches it, on a machine without one.

    python benchmarks/launches.py
    python benchmarks/launches.py --cases sasrec/softmax,hstu --out results/reference/cpu/benchmarks/launches.csv

torch's CUDA build runs over a driver that computes nothing (`launches.c`), so that of a step the host's part is left:
launches, copies, and whether a step may be captured at all. What is computed is nonsense. It needs that build, which
pip installs on Linux unless told otherwise, and a C compiler. What torch compiles at run time (`lru`, `retention`) and
what cuDNN does (`gru4rec`) can't be run so.

Milliseconds are the process's own, the median of a step's over rounds that take turns without graphs and with them.
"""

import argparse
import ctypes
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from _measured import HERE, write

from linrec_cli import catalog
from linrec_cli.kernels.linrec import force

CASES = (
    "sasrec/softmax,sasrec/linear,sasrec/linear-gated,bert4rec/softmax,bert4rec/linear,esasrec/linear,hstu,mamba4rec"
)
COUNTED = ("launches", "products", "copies", "fills", "waits", "replays", "replayed")
"""In the order of `launches.c`."""
LIBRARIES = ("libc10_cuda", "libtorch_cuda", "libtorch_python", "libcaffe2_nvrtc", "libtorch_cuda_linalg")
OURS = re.compile(r"(__cuda|cuda|cublas|nvrtc|cu[A-Z])\w*")
WARMING, STEPS = 3, 10
DRIVER = "libcuda.so.1"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=CASES, help="models, with a mechanism where they take one")
    parser.add_argument("--tokens", type=int, default=1600)
    parser.add_argument("--maxlen", type=int, default=200)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    return parser.parse_args()


def driver(room: Path) -> Path:
    """Compile the driver, with all that torch and Triton ask for and it has not."""
    places = {name: Path(importlib.util.find_spec(name).origin).parent for name in ("torch", "triton")}
    headers = places["triton"] / "backends/nvidia"
    own, rest, made = room / "own.o", room / "rest.c", room / DRIVER
    compiler = ["cc", "-w", "-O1", "-fPIC", "-std=gnu11"]
    run(*compiler, "-I", headers / "include", "-c", HERE / "launches.c", "-o", own)
    had = set(re.findall(r" T (\w+)", run("nm", own)))
    asked = set(re.findall(r"\bcu[A-Z]\w*", (headers / "driver.c").read_text()))
    for library in LIBRARIES:
        asked |= set(re.findall(r" U (\w+)", run("nm", "-D", places["torch"] / "lib" / f"{library}.so")))
    lacking = sorted(name for name in asked - had if OURS.fullmatch(name))
    rest.write_text("".join(f"long {name}() {{ return 0; }}\n" for name in lacking))
    run(*compiler, "-shared", f"-Wl,-soname,{DRIVER}", own, rest, "-o", made, "-ldl")
    return made


def run(*command: object) -> str:
    """Run a command and give what it prints."""
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


def started(case: str, graphs: bool, given: argparse.Namespace) -> tuple[Any, Any]:
    """Start a training and draw its batch, on a CPU where the numbers must be some; send them to the device."""
    import torch

    from linrec_cli.data.batch import Batch, sent
    from linrec_cli.data.parts import Parts
    from linrec_cli.phases import _model
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.settings import Train
    from linrec_cli.training import fit

    model, _, attn = case.partition("/")
    module = catalog.load("models", catalog.parse(model)[0])
    size = (given.maxlen, model, given.tokens, given.width, given.heads, 2, 3416, 0, "cpu", given.dtype, 1)
    cell = Cell("step", attn, *size, form=module.FORM, objective=module.OBJECTIVE)
    histories = _model.histories(cell, 1, given.maxlen)
    targets = _model.lasts(histories)
    settings = Train(tokens=given.tokens, seen_items="remove", **{name: getattr(cell, name) for name in _model.SAME})
    settings = replace(settings, device="cuda", graphs=graphs)
    state = fit.start(settings, histories, Parts(targets.place, targets, targets))
    state.model.train()
    drawn = vars(_model.batch(cell, cell.batch, given.maxlen))
    there = torch.device("cuda")
    return state, Batch(**{k: sent(x, there) if isinstance(x, torch.Tensor) else x for k, x in drawn.items()})


def measured(case: str, form: str, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure a case in one form of LinRec's kernels, without graphs and with them."""
    from linrec_cli import machine
    from linrec_cli.training import fit

    machine.prepare(1)
    library = ctypes.CDLL(DRIVER)
    with force(form) if form else nullcontext():
        runs = [(graphs, *started(case, graphs, given)) for graphs in (False, True)]
        taken: dict[bool, list[float]] = {graphs: [] for graphs, *_ in runs}
        counts: dict[bool, list[int]] = {}
        for number in range(WARMING + given.rounds):
            for graphs, state, batch in runs:
                before = [library.launches_count(which) for which in range(len(COUNTED))]
                begin = time.process_time()
                for _ in range(STEPS):
                    fit.step(state, batch)
                if number >= WARMING:
                    taken[graphs].append(1000 * (time.process_time() - begin) / STEPS)
                counts[graphs] = [library.launches_count(which) - at for which, at in enumerate(before)]
    model, _, attention = case.partition("/")
    size = {name: getattr(given, name) for name in ("width", "heads", "maxlen", "tokens", "dtype")}
    for graphs in taken:
        own = {"model": model, "attention": attention, "form": form or "plain", "graphs": graphs}
        told = {name: count / STEPS for name, count in zip(COUNTED, counts[graphs], strict=True)}
        yield own | told | {"milliseconds": median(taken[graphs]), "rounds": given.rounds} | size


def child(case: str, form: str, made: Path) -> list[dict[str, Any]]:
    """Measure a case in a process of its own, over the driver."""
    more = {"LD_PRELOAD": str(made), "LD_LIBRARY_PATH": str(made.parent), "TRITON_LIBCUDA_PATH": str(made.parent)}
    command = [sys.executable, __file__, *sys.argv[1:]]
    environment = os.environ | more | {"LAUNCHES": json.dumps([case, form])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not rows:
        why = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        print(f"{case}: not measured, {why}", flush=True)
    for row in rows:
        shown = ", ".join(f"{row[name]:g} {name}" for name in COUNTED if row[name])
        way = " with graphs" if row["graphs"] else ""
        print(f"{case} {row['form']}{way}: {row['milliseconds']:.2f} ms a step, {shown}", flush=True)
    return rows


def main() -> None:
    """Measure, and write if that is asked for."""
    given = arguments()
    if "LAUNCHES" in os.environ:
        for row in measured(*json.loads(os.environ["LAUNCHES"]), given):
            print(json.dumps(row), flush=True)
        # What torch does as it ends needs more of a driver.
        os._exit(0)
    with tempfile.TemporaryDirectory() as room:
        made, rows = driver(Path(room)), []
        for case in given.cases.split(","):
            ours = case.partition("/")[2].partition(":")[0] in ("linear", "linear-gated")
            for form in ("plain", "triton") if ours else ("",):
                rows += child(case, form, made)
    if given.out:
        write(rows, given.out, 1)


if __name__ == "__main__":
    main()
