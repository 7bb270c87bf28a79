"""The suite is the same wherever it runs: it neither sees the user's environment nor takes more than one thread."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

LOOK = """
import json, os, runpy, subprocess, sys
runpy.run_path(sys.argv[1])
import polars, torch
child = subprocess.run([sys.executable, "-c", "import os; print(*os.environ)"], capture_output=True, text=True)
kept = child.stdout.split()
print(json.dumps({"threads": torch.get_num_threads(), "polars": polars.thread_pool_size(), "kept": kept}))
"""
FOREIGN = {
    "COLUMNS": "100",
    "FORCE_COLOR": "1",
    "GITHUB_STEP_SUMMARY": "summary.md",
    "LINREC_OFFLINE": "1",
    "LINREC_TRAIN_WIDTH": "48",
    "NO_COLOR": "1",
    "TERM": "xterm-256color",
}


def test_nothing_of_the_user_s_environment_reaches_a_test_or_its_children() -> None:
    conftest = Path(__file__).with_name("conftest.py")
    hostile = {**os.environ, **FOREIGN, "OMP_NUM_THREADS": "7", "POLARS_MAX_THREADS": "7"}
    command = [sys.executable, "-c", LOOK, str(conftest)]
    done = subprocess.run(command, env=hostile, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["threads"], found["polars"]) == (1, 1)
    assert {"OMP_NUM_THREADS", "MPLBACKEND"} <= set(found["kept"])
    assert FOREIGN.keys() & set(found["kept"]) == set()


@pytest.mark.parametrize("turn", [1, 2])
def test_threads_that_a_test_asked_for_are_gone_in_the_next(turn: int) -> None:
    assert torch.get_num_threads() == 1
    torch.set_num_threads(1 + turn)


@pytest.fixture
def bounded() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # So large that no file of ours comes to it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**50, before[1]))
    yield
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before


@pytest.mark.usefixtures("bounded")
def test_where_a_test_bounds_the_size_of_files_what_pytest_then_says_of_it_may_be_longer() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 2**50
