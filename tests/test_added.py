"""One of each addition is one file: each is put into a copy of the package and used there, on invented data.

Nothing else of the copy is touched, and everything is used through the command line.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

SOURCE = Path(__file__).parents[1] / "src/linrec_cli"

ADDED = {
    "attentions/still.py": '''
"""Nobody listens."""

from linrec_cli.attentions._heads import Heads

FORMS = ("causal",)


class Attention(Heads):
    """Give back the values.

    Cost: `O(T D)` operations and `O(T D)` memory a head.
    Source: nobody 2026.
    """

    def attend(self, q, k, v, lengths):
        """Mix nothing."""
        return v
''',
    "models/bare.py": '''
"""Items, a mechanism, and nothing around it."""

from torch import nn

from linrec_cli.attentions._build import build
from linrec_cli.models._recommender import last, products

FORM = "causal"
OBJECTIVE = "next"


class Model(nn.Module):
    """Encode items by the mechanism alone."""

    def __init__(self, facts, maxlen, attention, *, width, heads, layers, dropout, blur=0.0):
        super().__init__()
        self.items = nn.Embedding(facts.items + 1, width)
        self.attention = build(attention, width, heads, causal=True, maxlen=maxlen)

    def encode(self, batch):
        return self.attention(self.items(batch.items), batch.lengths)

    def table(self):
        return self.items.weight

    def query(self, batch):
        return last(self.encode(batch), batch.lengths)

    def scores(self, query, items=None):
        return products(query, self.table(), items)
''',
    "objectives/early.py": '''
"""The next item, at the first positions of a window."""

import torch

from linrec_cli.data.batch import Batch
from linrec_cli.objectives._windows import disjoint

FORMS = ("causal",)
MASKED = False


def windows(begin, events, maxlen, generator):
    return disjoint(begin, events - 1, maxlen, generator)


def targets(window, generator, first=3):
    after = window.after.masked_fill(torch.arange(window.items.shape[1]) >= first, 0)
    return Batch(window.items, window.lengths, after, int((after > 0).sum()), window.times)
''',
    "losses/squared.py": '''
"""How far the gold's score is from one."""


def loss(hidden, table, gold, draw, height=1.0):
    return ((hidden * table[gold]).sum(1) - height).square().mean()
''',
    "splits/fifth_last.py": '''
"""The fifth event from the end is tested, the one before it validated."""

from linrec_cli.data.parts import Parts, Targets


def split(sequences, back=5):
    users = (sequences.lengths > back + 2).nonzero()[:, 0]
    test = sequences.offsets[1:][users] - back
    train = sequences.offsets[:-1].clone()
    train[users] = test - 1
    return Parts(train, Targets(test - 1, users), Targets(test, users))
''',
    "protocols/one_other.py": '''
"""The gold against one other item."""

TITLE = "against one other"


def negatives(sequences, parts, stage, seed):
    gold = sequences.flat[parts.targets(stage).place]
    return (gold % sequences.count + 1)[:, None]
''',
    "metrics/quarter.py": '''
"""A quarter, however good a rank is."""

import polars as pl

TITLE = "a quarter"
RANGE = (0.0, 1.0)


def value(rank, k):
    return pl.when(rank <= k).then(0.25).otherwise(0.25)
''',
    "phases/doze.py": '''
"""The layer's products, and nothing else."""

TITLE = "a doze"
HELP = "very little"


def build(cell):
    import torch

    from linrec_cli.profiling.work import Work

    x = torch.ones(cell.batch, cell.maxlen, cell.width)
    return Work({"doze": lambda: x @ x.mT}, lambda: x[:, :2] @ x[:, :2].mT, lambda: None, flushed=False)
''',
    "figures/dots.py": '''
"""A dot for each row with a number."""

from matplotlib.figure import Figure

from linrec_cli.plots.drawn import Drawn

NEEDS = "a number"


def every(table, wide=None):
    points = table.drop_nulls("value").select("command", "metric", "value")
    figure = Figure(figsize=(wide or 3, 2))
    figure.subplots().plot(points["value"], "o")
    yield Drawn("dots", figure, points, "train")
''',
    "datasets/pond.py": '''
"""Sixty users who walk along a ring of thirty items."""

import polars as pl

from linrec_cli.data.download.source import Source

SOURCES = (Source("https://example.org/pond.txt", "sha256:DIGEST", BYTES),)
LICENSE = "none"
CITATION = "nobody 2026"
EXAMPLE = {"pond.txt": "1 2 3"}


def read(path):
    rows = [line.split() for line in path.read_text("utf-8").splitlines()]
    return pl.LazyFrame(rows, schema=["user", "item", "time"], orient="row").with_columns(pl.col("time").cast(pl.Int64))
''',
    "cli/greet.py": '''
"""`linrec greet`: say hello."""

HELP = """Say hello.

[bold]linrec greet you[/bold]
"""


def command(name: str) -> None:
    """Greet somebody."""
    print(f"hello {name}")
''',
}
POND = "".join(f"{user} {(user + step * (1 + user % 2)) % 30} {step}\n" for user in range(60) for step in range(20))
SIZES = ["--width", "8", "--threads", "1"]
NAMED = ["--model", "bare:blur=0.5", "--attn", "still", "--objective", "early:first=4", "--loss", "squared:height=2"]
NAMED += ["--split", "fifth-last:back=4"]
COMMANDS = {
    "download": ["download", "pond", "--from", "pond.txt"],
    "train": ["train", "--data", "pond", *NAMED, "--maxlen", "10", "--epochs", "1", *SIZES],
    "evaluate": ["evaluate", "RUN", "--protocol", "one-other", "--k", "1,2"],
    "profile": ["profile", "--attn", "still", "--phase", "doze", "--maxlen", "16", "--budget", "0.1", *SIZES],
    "plot": ["plot", "--format", "svg"],
    "greet": ["greet", "you"],
}
RUN = """
import contextlib, io, json, pathlib, sys
from linrec_cli.cli import run
from linrec_cli.results import store
for name, arguments in json.loads(sys.argv[1]).items():
    runs = sorted(map(str, pathlib.Path("results/runs").glob("pond-*")))
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run([runs[0] if word == "RUN" else word for word in arguments])
    pathlib.Path(f"{name}.out").write_text(f"{code}\\n{out.getvalue()}")
store.read(pathlib.Path("results")).write_parquet("table.parquet")
"""


@dataclass
class Used:
    """What came out: `touched` by addition, what each command said, the table of results, and the folder."""

    touched: dict[str, list[str]]
    said: dict[str, str]
    table: pl.DataFrame
    folder: Path


def digests(folder: Path) -> dict[str, str]:
    """Digest every file of a folder by its path."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    room = tmp_path_factory.mktemp("added")
    copy = room / "src/linrec_cli"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (room / "pond.txt").write_text(POND, "utf-8")
    facts = {"DIGEST": hashlib.sha256(POND.encode()).hexdigest(), "BYTES": str(len(POND))}
    touched, before = {}, digests(copy)
    for name, text in ADDED.items():
        for word, fact in facts.items():
            text = text.replace(word, fact)
        (copy / name).write_text(text.lstrip(), "utf-8")
        after = digests(copy)
        touched[name] = [path for path, digest in after.items() if before.get(path) != digest]
        before = after
    command = [sys.executable, "-c", RUN, json.dumps(COMMANDS)]
    there = os.environ | {"PYTHONPATH": str(copy.parent)}
    done = subprocess.run(command, cwd=room, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = {name: (room / f"{name}.out").read_text("utf-8") for name in COMMANDS}
    assert {name: text[:2] for name, text in said.items()} == dict.fromkeys(COMMANDS, "0\n"), done.stderr
    return Used(touched, said, pl.read_parquet(room / "table.parquet"), room)


@pytest.mark.parametrize("name", ADDED)
def test_an_addition_touches_one_file(used: Used, name: str) -> None:
    assert used.touched[name] == [name]


def test_a_file_of_every_catalog_is_added() -> None:
    # A catalog is a folder whose names the code asks for.
    asked = {word for path in SOURCE.rglob("*.py") for word in catalogs(path.read_text("utf-8"))}
    assert {name.partition("/")[0] for name in ADDED} == asked | {"cli"}


def catalogs(text: str) -> list[str]:
    """List the folders whose names a text asks for."""
    return re.findall(r"catalog\.(?:names|load|bound)\(\"(\w+)\"", text) + re.findall(r"folder=\"(\w+)\"", text)


def test_a_run_is_trained_with_all_that_was_added(used: Used) -> None:
    columns = ["dataset", "model", "attention", "objective", "loss", "split"]
    rows = used.table.filter(command="train", stage="test", status="ok")
    expected = ("pond", "bare:blur=0.5", "still", "early:first=4", "squared:height=2", "fifth-last:back=4")
    assert rows.select(columns).unique().rows() == [expected]


def test_the_metric_is_told_of_every_run(used: Used) -> None:
    rows = used.table.filter(metric="quarter")
    assert set(rows["command"]) == {"train", "evaluate"}
    assert set(rows["value"]) == {0.25}


def test_the_protocol_ranks_among_two(used: Used) -> None:
    rows = used.table.filter(protocol="one-other", metric="recall", k=2)
    assert rows["value"].to_list() == [1.0]
    assert "against one other" in used.said["evaluate"]


def test_the_figure_is_drawn_and_its_points_lie_beside_it(used: Used) -> None:
    figures = used.folder / "results/figures"
    assert "<svg" in (figures / "dots.svg").read_text("utf-8")
    assert pl.read_csv(figures / "dots.csv").height == used.table["value"].count()


def test_the_phase_is_timed_and_drawn_under_its_title(used: Used) -> None:
    assert used.table.filter(phase="doze", metric="seconds", status="ok").height == 1


def test_the_command_is_there(used: Used) -> None:
    assert used.said["greet"] == "0\nhello you\n"
