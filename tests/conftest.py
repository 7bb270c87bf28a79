"""What all tests stand on: nothing of the user's environment, one thread each, small invented data."""

import gc
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

# Before anything is imported that reads them once; children inherit what is left.
FOREIGN = [
    "COLORTERM", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "JUPYTER_COLUMNS", "LINES",
    "NO_COLOR", "PY_COLORS", "SOURCE_DATE_EPOCH", "TERM", "TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
    "TYPER_USE_RICH", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy",
]  # fmt: skip
for name in [*FOREIGN, *(name for name in os.environ if name.startswith("LINREC_"))]:
    os.environ.pop(name, None)
THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"), MPLBACKEND="Agg")

import hypothesis
import polars as pl
import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences, arrange
from linrec_cli.profiling import memory

# What a shell starts in the background is born deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(1)
# At each training, in a heap as large as this one, it takes a twentieth of a second; children, in which it is tested,
# have their own.
FILL, memory.fill = memory.fill, lambda libc: None
GROWTH = resource.getrlimit(resource.RLIMIT_FSIZE)
# On a busy machine an example may take any time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start a worker for each processor this process may use; on one, none: the tests run where they are."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Each worker takes half a gigabyte, and beyond a few the slowest test decides.
    return min(here, 8) if here > 1 else 0


def pytest_collection_finish() -> None:
    """Spare what is loaded by now from being searched for garbage: each training run collects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Let files grow again once a test is over: pytest says how it went before fixtures end, maybe to a file."""
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, GROWTH)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Give back the threads that a test asked for."""
    yield
    torch.set_num_threads(1)


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill the holes of the heap before a training, as it is done outside of tests: what takes memory needs it."""
    monkeypatch.setattr(memory, "fill", FILL)


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Add a file to a catalog of this process, by `attentions/previous.py` and its text; it is gone afterwards."""
    added: list[str] = []

    def write(name: str, text: str) -> None:
        path = tmp_path / "added" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        package = importlib.import_module(f"linrec_cli.{path.parent.name}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
        added.append(f"{package.__name__}.{path.stem}")
        catalog._listed.cache_clear()

    yield write
    catalog._listed.cache_clear()
    for name in added:
        sys.modules.pop(name, None)


@pytest.fixture
def sequences() -> Sequences:
    """Sixty histories of 3 to 60 events that walk along a ring of 30 items of 3 colours, each step one or two on."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for user in range(1, 61):
        length = int(torch.randint(3, 61, (), generator=generator))
        steps = torch.randint(1, 3, (length,), generator=generator)
        start = torch.randint(30, (), generator=generator)
        rows += [(user, int(item) + 1) for item in (start + steps.cumsum(0)) % 30]
    colour = torch.arange(31)[:, None] % 3 == torch.arange(3)
    return arrange(pl.DataFrame(rows, schema=["user", "item"], orient="row"), 30, features={"colour": colour})


@pytest.fixture
def parts(sequences: Sequences) -> Parts:
    """The same, the last event of each tested and the last but one validated."""
    return catalog.load("splits", "leave-one-out").split(sequences)
