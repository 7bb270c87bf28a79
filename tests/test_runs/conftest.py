"""A small data set to make runs of, and what is heard meanwhile."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from linrec_cli import catalog, runs
from linrec_cli.profiling import kernel, memory
from linrec_cli.runs import events
from linrec_cli.settings import Evaluate, Train

SMALL = Train(attn="linear", maxlen=20, width=8, layers=1, epochs=2, tokens=200)


def ring(seed=0):
    """Sixty users who walk along a ring of thirty items, with now and then a step too far."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for user in range(60):
        steps = torch.randint(1, 4, (25,), generator=generator).cumsum(0) + torch.randint(30, (), generator=generator)
        rows += [(f"u{user}", f"i{int(item) % 30}", number) for number, item in enumerate(steps)]
    return pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")


@pytest.fixture(autouse=True)
def swift(request, monkeypatch):
    """Leave out what takes longer than a small training: naming its kernel, and clearing the heap before it.

    A test that is about them asks for `really`.
    """
    if "really" not in request.fixturenames:
        monkeypatch.setattr(kernel, "name", lambda spans: [span() for span in spans.values()] and "a kernel")
        monkeypatch.setattr(memory, "baseline", memory.status)


@pytest.fixture
def really():
    """Measure as users do."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def file(here):
    """The ring in a file of one's own."""
    path = here / "ring.csv"
    ring().write_csv(path)
    return path


@pytest.fixture
def data():
    """The ring from a frame."""
    return runs.prepare(ring(), name="ring")


@pytest.fixture
def kept(file):
    """The ring from a file, typed as a person would."""
    return runs.prepare("ring.csv", data_dir=Path("datasets"))


@pytest.fixture
def quick():
    """Make settings that train in a moment."""
    return lambda **more: replace(SMALL, **more)


@pytest.fixture
def heard():
    """What was told, in order; given as `watch`, it listens."""
    return Heard()


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A finished run, one cut short, an evaluation among negatives, and their data."""
    root = tmp_path_factory.mktemp("bits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(kernel, "name", lambda spans: "")
        patch.setattr(memory, "baseline", memory.status)
        patch.setattr(catalog.load("protocols", "uni100"), "NEGATIVES", 4)
        ring().write_csv("ring.csv")
        data = runs.prepare("ring.csv")
        ended = Heard()
        ended.until = lambda event: isinstance(event, events.Epoch)
        with pytest.raises(KeyboardInterrupt):
            runs.train(SMALL, data, root / "cut", watch=ended)
        list(runs.sweep([SMALL], data, root / "results"))
        (folder,) = (root / "results" / "runs").iterdir()
        runs.evaluate(folder, settings=Evaluate(protocol="uni100", k=(1, 3)), results_dir=root / "results")
    return root


@pytest.fixture
def room(once, here, monkeypatch):
    """A copy of all that, to be damaged."""
    monkeypatch.setattr(catalog.load("protocols", "uni100"), "NEGATIVES", 4)
    shutil.copytree(once, here, dirs_exist_ok=True)
    return here


class Heard(list):
    """A list of events that is called with each, and may be told to interrupt at one."""

    def __init__(self):
        super().__init__()
        self.until = None

    def __call__(self, event):
        self.append(event)
        if self.until and self.until(event):
            raise KeyboardInterrupt

    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]
