"""Nothing in linrec runs what it reads."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
USES = (
    "import torch; torch.load('x')",
    "from torch import load",
    "import torch.hub",
    "import torch; torch.jit.load('x')",
    "import pickle",
    "from _pickle import loads",
    "import cloudpickle",
    "import dill",
    "import joblib",
    "import marshal",
    "from shelve import open",
    "import yaml",
    "from yaml import load",
    "import numpy; numpy.load('x')",
    "import pandas; pandas.read_pickle('x')",
    "eval('1')",
    "exec('1')",
    "import builtins; builtins.exec('1')",
)


@pytest.mark.parametrize("place", ["src/linrec_cli/planted.py", "src/linrec_cli/models/_planted.py"])
def test_what_runs_what_it_reads_is_red_in_ruff(place):
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "--stdin-filename"]
    uses = "\n".join(USES)
    told = subprocess.run([*ruff, place, "-"], cwd=ROOT, input=uses, capture_output=True, text=True, check=False).stdout
    red = {int(line.split(":")[1]) for line in told.splitlines() if {"TID251", "S102", "S307"} & {*line.split()}}
    assert [use for number, use in enumerate(USES, 1) if number not in red] == []
