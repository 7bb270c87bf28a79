"""A new file in the folder is a phase: it is in the help, measured, shown and drawn, and nothing else is touched."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import linrec_cli

SILLY = '''
"""Sums of the layer's output."""

TITLE = "sums of a layer of {model}"
HELP = "something silly"
WAYS = True
USERS = True
DTYPES = ("float32",)


def build(cell):
    """Build the layer, and two ways to sum what it gives."""
    from linrec_cli.phases._layer import made
    from linrec_cli.profiling.work import Work, inputs

    layer, (x, lengths, _) = made(cell), inputs(cell, cell.batch, cell.maxlen)
    spans = {"once": lambda: layer(x, lengths).sum(), "twice": lambda: layer(x, lengths).sum(1).sum()}
    return Work(spans, spans["once"], lambda: None, flushed=True)
'''
DRAW = """
import sys
from pathlib import Path
from linrec_cli import catalog
from linrec_cli.results import store
table = store.read(Path(sys.argv[1]))
drawn = list(catalog.load("figures", "lengths").every(table))
print(*(text.get_text() for one in drawn for text in one.figure.findobj(lambda part: hasattr(part, "get_text"))))
"""
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Python with a copy of linrec that has one file more."""
    folder = tmp_path_factory.mktemp("copy")
    own = Path(linrec_cli.__file__).parent
    shutil.copytree(own, folder / own.name)
    (folder / own.name / "phases/silly.py").write_text(SILLY, "utf-8")

    def made(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return made


@pytest.fixture(scope="module")
def shown(run: Run) -> str:
    """What a profile of the phase prints; its results are in the folder."""
    sizes = "--maxlen 8,16 --tokens 4096 --width 64 --heads 2 --budget 0.1 --threads 1 --dtype float32,bfloat16"
    given = f"profile --phase silly --attn linear,softmax {sizes}"
    return run("-m", "linrec_cli", *given.split())


def test_the_help_says_what_it_is(run: Run) -> None:
    assert "something silly" in " ".join(run("-m", "linrec_cli", "profile", "--help").replace("│", " ").split())


def test_it_is_measured_and_shown_by_its_ways(shown: str) -> None:
    lines = [line.split() for line in shown.splitlines()]
    assert ["silly:", "float32,", "4,096", "tokens"] in lines
    assert [line[:3] for line in lines if line[:1] in (["8"], ["16"])] == [
        [length, attn, way] for length in ("8", "16") for attn in ("linear", "softmax") for way in ("once", "twice")
    ]
    assert "users/s" in shown


def test_its_rows_are_whole(run: Run, shown: str) -> None:
    code = "import sys; from pathlib import Path; from linrec_cli.results import store; "
    code += "print(store.read(Path('results')).select('metric', 'status', 'stage', 'dtype', 'model').write_json())"
    rows = json.loads(run("-c", code))
    seconds = [row for row in rows if row["metric"] == "seconds"]
    assert [row["stage"] for row in seconds] == ["once", "twice"] * 4
    assert {(row["status"], row["dtype"], row["model"]) for row in seconds} == {("ok", "float32", None)}
    assert {"time_slope", "crossover", "users_per_second", "operations"} <= {row["metric"] for row in rows}
    assert "saved_bytes" not in {row["metric"] for row in rows}


def test_its_figure_has_its_title(run: Run, shown: str) -> None:
    assert "sums of a layer of" in run("-c", DRAW, "results")
