"""A file of a catalog that breaks its promise is named in one line, and nothing else suffers from it.

Broken files are put into a copy of the package and used there through the command line, in one process.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/linrec_cli"
MECHANISM = """
from torch import nn
FORMS = ("causal", "bidirectional")
class Attention(nn.Module):
    def __init__(self, width, heads, causal, maxlen):
        super().__init__()
        self.own = nn.Linear(width, width)
        {made}
    def forward(self, x, lengths):
        {given}
"""
METRIC = """
import polars as pl
TITLE, RANGE, ASKED = {title!r}, (0.0, 1.0), True
def value(rank, k):
    return {value}
"""
LOSS = "def loss(hidden, table, gold, draw):\n    return {given}\n"
BROKEN = {
    "attentions/raising.py": MECHANISM.format(made="raise ValueError('no such luck.')", given="return x"),
    "attentions/narrow.py": MECHANISM.format(made="pass", given="return self.own(x)[..., 1:]"),
    "attentions/pair.py": MECHANISM.format(made="pass", given="return x, lengths"),
    "attentions/silent.py": MECHANISM.format(made="pass", given="self.own(x)"),
    "attentions/failing.py": MECHANISM.format(made="pass", given="return x @ x"),
    "attentions/blank.py": MECHANISM.format(made="pass", given="return self.own(x) * float('nan')"),
    "attentions/formless.py": "Attention = int\n",
    "attentions/lettered.py": "FORMS = ('causal')\nAttention = int\n",
    "attentions/with-dash.py": MECHANISM.format(made="pass", given="return self.own(x)"),
    "attentions/unfinished.py": "def (\n",
    "attentions/foreign.py": "import nobody_has_this\n",
    "losses/two.py": LOSS.format(given="hidden.sum(), 1"),
    "losses/floating.py": LOSS.format(given="1.5"),
    "losses/flat.py": LOSS.format(given="hidden.detach().sum()"),
    "losses/wide.py": LOSS.format(given="hidden.sum(1)"),
    "metrics/missing.py": METRIC.format(title="Missing", value="pl.lit(None, pl.Float64) + rank"),
    "metrics/odd.py": METRIC.format(title="Odd", value="rank * float('nan')"),
    "metrics/beyond.py": METRIC.format(title="Beyond", value="rank * 0.0 + 1.5"),
    "metrics/twin.py": METRIC.format(title="NDCG", value="rank * 0.0 + 0.25"),
    "metrics/torn.py": METRIC.format(title="Torn", value="rank.nothing()"),
    "datasets/bare.py": "LICENSE = CITATION = 'x'\nSOURCES = ('not a source')\n",
    "presets/misspelt.py": "SETTINGS = {'widht': 8}\n",
    "presets/listed.py": "SETTINGS = {'attn': ['softmax', 'linear'], 'max_minutes': 0.5}\n",
    "presets/none.py": "SETTINGS = 8\n",
    "phases/unheard.py": "import nobody_has_this\n",
}  # fmt: skip
SIZES = ["--width", "8", "--layers", "1", "--maxlen", "12", "--tokens", "200", "--threads", "1", "--device", "cpu"]
TRAIN = ["train", "--data", "ring.csv", "--epochs", "1", *SIZES]
PROFILE = ["profile", "--maxlen", "8", "--tokens", "16", "--budget", "0.1", "--phase", "attention", "--width", "8"]
ALONE = {
    "raising": "attention 'raising' (attentions/raising.py, line 8) cannot be built: ValueError: no such luck; mend the"
    " file, or take it away.",
    "narrow": "attention 'narrow' (attentions/narrow.py) gives a tensor [2, 1, 7] of x [2, 1, 8], and not [B, T, C];",
    "pair": "attention 'pair' (attentions/pair.py) gives a tuple of x",
    "silent": "attention 'silent' (attentions/silent.py) gives nothing of x",
    "failing": "attention 'failing' (attentions/failing.py, line 10) cannot be run: RuntimeError:",
    "formless": "attention 'formless' (attentions/formless.py) lacks FORMS;",
    "lettered": "attention 'lettered' (attentions/lettered.py) has FORMS = 'causal', which is no tuple of str (of one,",
    "unfinished": "attention 'unfinished' (attentions/unfinished.py",
    "foreign": "attention 'foreign' (attentions/foreign.py, line 1) cannot be imported: ModuleNotFoundError: No module",
}
LOSSES = {
    "two": "loss 'two' (losses/two.py) gives a tuple, and not the mean as a scalar that has a gradient;",
    "floating": "loss 'floating' (losses/floating.py) gives a float, and not the mean",
    "flat": "loss 'flat' (losses/flat.py) gives a tensor [] without a gradient, and not the mean",
    "wide": "loss 'wide' (losses/wide.py) gives a tensor [5], and not the mean",
}
METRICS = {
    "missing": "metric 'missing' (metrics/missing.py) gives nothing, and its RANGE is 0 to 1;",
    "odd": "metric 'odd' (metrics/odd.py) gives nan, and its RANGE is 0 to 1;",
    "beyond": "metric 'beyond' (metrics/beyond.py) gives 1.5, and its RANGE is 0 to 1;",
    "torn": "metric 'torn' (metrics/torn.py, line 5) cannot be computed: AttributeError:",
}
COMMANDS = {
    **{f"alone-{name}": [*TRAIN, "--attn", name] for name in ALONE},
    "dry": [*TRAIN, "--attn", "narrow,softmax", "--dry-run"],
    "sweep": [*TRAIN, "--attn", "raising,narrow,softmax,with-dash"],
    **{f"loss-{name}": [*TRAIN, "--attn", "softmax", "--loss", name] for name in LOSSES},
    **{f"metric-{name}": ["evaluate", "RUN", "--metrics", name] for name in METRICS},
    "twins": ["evaluate", "RUN", "--metrics", "ndcg,twin", "--k", "10"],
    "misspelt": [*TRAIN, "--preset", "misspelt"],
    "none": [*TRAIN, "--preset", "none"],
    "listed": [*TRAIN, "--preset", "listed", "--dry-run"],
    "doctor": ["doctor"],
    "download": ["download", "--list"],
    "bare": ["download", "bare"],
    "nan": [*PROFILE, "--attn", "softmax,blank,raising"],
    "plot": ["plot", "--format", "svg"],
}
RUN = """
import contextlib, io, json, pathlib, sys
from linrec_cli.cli import console, run
said = {}
for name, arguments in json.loads(sys.argv[1]).items():
    runs = sorted(map(str, pathlib.Path("results/runs").glob("ring-*softmax*")))
    out, err = io.StringIO(), io.StringIO()
    console.stream.cache_clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([runs[0] if word == "RUN" else word for word in arguments])
    said[name] = (code, out.getvalue(), err.getvalue())
from linrec_cli.cli import profile
from linrec_cli.settings import Profile
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    names = profile.usual(Profile(phase=("attention",)))
said["usual"] = (0, ",".join(names), err.getvalue())
pathlib.Path("said.json").write_text(json.dumps(said))
"""


@dataclass
class Said:
    """How a command ended, and what it wrote, each text on one line."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    room = tmp_path_factory.mktemp("fault")
    copy = room / "src/linrec_cli"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in BROKEN.items():
        (copy / name).write_text(text, "utf-8")
    lines = [f"{user},{(user + step) % 30},{step}" for user in range(40) for step in range(12)]
    (room / "ring.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")
    there = os.environ | {"PYTHONPATH": str(copy.parent), "COLUMNS": "300", "LINREC_OFFLINE": "1"}
    command = [sys.executable, "-c", RUN, json.dumps(COMMANDS)]
    done = subprocess.run(command, cwd=room, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((room / "said.json").read_text())
    return {name: Said(code, *(" ".join(text.split()) for text in texts)) for name, (code, *texts) in found.items()}


@pytest.mark.parametrize("name", ALONE)
def test_a_mechanism_alone_is_a_usage_error_of_one_line(said: dict[str, Said], name: str) -> None:
    assert said[f"alone-{name}"].code == 2
    assert ALONE[name] in said[f"alone-{name}"].err
    assert "Traceback" not in said[f"alone-{name}"].err


def test_in_a_dry_run_it_is_one_too(said: dict[str, Said]) -> None:
    assert said["dry"].code == 2
    assert ALONE["narrow"] in said["dry"].err


def test_a_sweep_goes_on_and_its_rows_say_why(said: dict[str, Said]) -> None:
    found = said["sweep"]
    assert found.code == 4
    assert "ValueError: no such luck" in found.err + found.out
    assert "gives a tensor [2, 1, 7] of x [2, 1, 8]" in found.err + found.out
    assert "Traceback" not in found.err
    # A file whose name has a dash is one like any other.
    assert all(name in found.out for name in ("softmax", "with-dash"))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_told_before_anything_is_trained(said: dict[str, Said], name: str) -> None:
    assert said[f"loss-{name}"].code == 2
    assert LOSSES[name] in said[f"loss-{name}"].err


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_gives_numbers_within_its_range_or_is_told(said: dict[str, Said], name: str) -> None:
    assert said[f"metric-{name}"].code == 2
    assert METRICS[name] in said[f"metric-{name}"].err


def test_two_metrics_of_one_title_are_told_apart(said: dict[str, Said]) -> None:
    assert said["twins"].code == 0
    assert "NDCG (ndcg)@10" in said["twins"].out
    assert "NDCG (twin)@10 0.2500" in said["twins"].out


def test_a_presets_misspelt_setting_is_told_and_a_list_is_a_sweep(said: dict[str, Said]) -> None:
    assert said["misspelt"].code == 2
    assert "no setting in preset misspelt 'widht'; did you mean 'width'" in said["misspelt"].err
    assert "preset 'none' (presets/none.py) has SETTINGS = 8, which is no dict;" in said["none"].err
    assert said["listed"].code == 0
    assert "2 cells" in said["listed"].out


def test_what_lists_a_folder_names_what_cannot_be_read_and_goes_on(said: dict[str, Said]) -> None:
    assert "cannot be imported: ModuleNotFoundError" in said["doctor"].out + said["doctor"].err
    assert "softmax" in said["doctor"].out
    assert "ml-100k" in said["download"].out
    assert "dataset 'bare' (datasets/bare.py) has SOURCES = 'not a source', which is no tuple" in said["download"].err
    assert said["bare"].code == 2
    usual = said["usual"].out.split(",")
    assert usual[0] == "softmax"
    assert {"linear", "with-dash", "narrow"} < {*usual}
    assert not {"foreign", "unfinished", "formless", "lettered"} & {*usual}
    assert "attention 'foreign' (attentions/foreign.py, line 1) cannot be imported" in said["usual"].err
    assert said["plot"].code == 0


def test_a_profile_ends_with_4_where_a_cell_failed_and_nan_is_no_time(said: dict[str, Said]) -> None:
    found = said["nan"]
    assert found.code == 4
    assert "a cell failed; its row says why." in found.err
    assert "not finite" in found.out + found.err
    assert "no such luck" in found.out + found.err
