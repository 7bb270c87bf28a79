"""One of each addition is one file: the examples of docs/adding.md are put into a copy of the package and used there.

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

PAGE = Path(__file__).parents[1] / "docs/adding.md"
ADDED = dict(re.findall(r"(?s)\n## [^\n]+: `src/linrec_cli/([^`]+)`\n+```python\n(.*?)```\n", PAGE.read_text("utf-8")))
"""The examples of the page that tells how to add: text by path."""
POND = "".join(f"{user} {(user + step * (1 + user % 2)) % 30} {step}\n" for user in range(60) for step in range(20))
SIZES = ["--width", "8", "--threads", "1"]
NAMED = ["--model", "bare:shrunk=0.5", "--attn", "previous:share=0.2", "--objective", "early:first=4"]
NAMED += ["--loss", "bpr:negatives=4", "--split", "nth-last:later=3"]
COMMANDS = {
    "download": ["download", "pond", "--from", "pond.txt"],
    "train": ["train", "--data", "pond", "--preset", "small", *NAMED, "--epochs", "1", *SIZES],
    "evaluate": ["evaluate", "RUN", "--protocol", "uni5", "--k", "1,6"],
    "profile": ["profile", "--attn", "previous", "--phase", "infer", "--maxlen", "16", "--budget", "0.1", *SIZES],
    "plot": ["plot", "--format", "svg"],
    "count": ["count"],
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
    touched, before = {}, digests(copy)
    for name, text in ADDED.items():
        (copy / name).write_text(text, "utf-8")
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
    return re.findall(r"catalog\.(?:names|load|bound|sound)\(\"(\w+)\"", text) + re.findall(r"folder=\"(\w+)\"", text)


def test_a_run_is_trained_with_all_that_was_added(used: Used) -> None:
    columns = ["dataset", "model", "attention", "options", "objective", "loss", "split", "maxlen"]
    rows = used.table.filter(command="train", stage="test", status="ok")
    made = ("previous", "share=0.2", "early:first=4", "bpr:negatives=4", "nth-last:later=3")
    assert rows.select(columns).unique().rows() == [("pond", "bare:shrunk=0.5", *made, 10)]


def test_the_metric_is_told_of_every_run(used: Used) -> None:
    rows = used.table.filter(metric="height")
    assert set(rows["command"]) == {"train", "evaluate"}
    hits = rows.join(used.table.filter(metric="recall"), on=["run", "stage", "k"])
    assert hits.height == rows.height
    assert (hits["value"] <= hits["value_right"]).all()
    # The first place is worth as much by either.
    first = hits.filter(k=1)
    assert first["value"].to_list() == first["value_right"].to_list() != []


def test_the_protocol_ranks_among_six(used: Used) -> None:
    rows = used.table.filter(protocol="uni5", metric="recall", k=6)
    assert rows["value"].to_list() == [1.0]
    assert "ranked among 5 negatives (uni5)" in used.said["evaluate"]


def test_the_figure_is_drawn_and_its_points_lie_beside_it(used: Used) -> None:
    (drawn,) = (used.folder / "results/figures").glob("peaks-pond-*.svg")
    assert "previous:share=0.2" in drawn.read_text("utf-8")
    peaks = used.table.filter(command="train", metric="peak_bytes")["value"].to_list()
    assert pl.read_csv(drawn.with_suffix(".csv"))["value"].to_list() == [peak / 2**20 for peak in peaks]


def test_the_phase_is_timed(used: Used) -> None:
    assert used.table.filter(phase="infer", metric="seconds", status="ok").height == 1


def test_the_command_counts_what_the_others_left(used: Used) -> None:
    assert used.said["count"] == f"0\n{used.table['run'].n_unique()}\n"
