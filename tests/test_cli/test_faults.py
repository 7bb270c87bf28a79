"""What is wrong with a file that was added is one line that names it, and what is named beside it goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from linrec_cli.analysis.labels import metric_label, titles
from linrec_cli.cli import run
from linrec_cli.cli.profile import usual
from linrec_cli.settings import Profile

Add = Callable[[str, str], None]
TRAIN = ["train", "--data", "ring.csv", "--epochs", "1", "--width", "8", "--layers", "1", "--tokens", "200"]
TRAIN += ["--maxlen", "20", "--threads", "1", "--device", "cpu"]
LAYER = """
from torch import nn
FORMS = ("causal",)
class Attention(nn.Module):
    def __init__(self, width, heads, causal, maxlen):
        super().__init__()
        self.inward = nn.Linear(width, width)
        START
    def forward(self, x, lengths):
        return GIVEN
"""
LAYERS = {
    "raise ValueError('no luck')": (
        "x",
        "attention 'odd' (attentions/odd.py, line 8) cannot be built: ValueError: no luck;",
    ),
    "'tuple'": ("(x, None)", "attention 'odd' (attentions/odd.py) gives a tuple of x [2, 1, 8]"),
    "'none'": ("None", "gives nothing of x"),
    "'narrow'": ("x[..., 1:]", "gives a tensor [2, 1, 7] of x"),
    # It would be added to every position, and nothing would raise.
    "'mean'": ("self.inward(x).mean((0, 1))", "gives a tensor [8] of x"),
    "'lost'": ("x.nothing", "attention 'odd' (attentions/odd.py, line 10) cannot be run: AttributeError: 'Tensor'"),
}
LOSS = "def loss(hidden, table, gold, draw):\n    return "
LOSSES = {
    "(hidden.sum(), 1)": "loss 'odd' (losses/odd.py) gives a tuple, and not the mean as a scalar",
    "1.5": "gives a float, and not",
    "hidden": "gives a tensor [5, 8], and not",
    "hidden.detach().sum()": "gives a tensor [], and not the mean as a scalar with its gradient",
    "1 / 0": "loss 'odd' (losses/odd.py, line 2) cannot be run: ZeroDivisionError: division by zero;",
}


def layer(start: str) -> str:
    """Write a mechanism that is at fault."""
    return LAYER.replace("START", start).replace("GIVEN", LAYERS[start][0])


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize("start", LAYERS)
def test_a_mechanism_at_fault_is_one_line(
    room: Path, add: Add, capsys: pytest.CaptureFixture[str], start: str, more: list[str]
) -> None:
    add("attentions/odd.py", layer(start))
    assert run([*TRAIN, "--attn", "odd", *more]) == 2
    err = capsys.readouterr().err
    assert LAYERS[start][1] in err
    assert err.count("\n") == 1
    assert not (room / "results").exists()


@pytest.mark.parametrize("given", LOSSES)
def test_a_loss_at_fault_is_one_line(room: Path, add: Add, capsys: pytest.CaptureFixture[str], given: str) -> None:
    add("losses/odd.py", LOSS + given)
    assert run([*TRAIN, "--loss", "odd"]) == 2
    err = capsys.readouterr().err
    assert LOSSES[given] in err
    assert err.count("\n") == 1
    assert not (room / "results").exists()


def test_the_other_cells_of_a_sweep_go_on(room: Path, add: Add, capsys: pytest.CaptureFixture[str]) -> None:
    add("attentions/odd.py", layer("'mean'"))
    add("losses/off.py", LOSS + "1.5")
    both = ["--attn", "odd,linear", "--loss", "off,cross-entropy"]
    assert run([*TRAIN, *both, "--dry-run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run([*TRAIN, *both, "--json"]) == 4
    shown = capsys.readouterr()
    rows = json.loads(shown.out)["rows"]
    notes = {(row["attention"], row["loss"]): row["note"] for row in rows if row["status"] == "error"}
    assert notes.keys() == {("odd", "off"), ("odd", "cross-entropy"), ("linear", "off")}
    assert "(attentions/odd.py) gives a tensor [8]" in notes["odd", "cross-entropy"]
    assert "(losses/off.py) gives a float" in notes["linear", "off"]
    tested = {(row["attention"], row["loss"]) for row in rows if row["stage"] == "test"}
    assert tested == {("linear", "cross-entropy")}
    assert "Traceback" not in shown.err


def test_a_metric_of_every_table_that_is_at_fault_is_known_before_anything_is_trained(
    room: Path, add: Add, capsys: pytest.CaptureFixture[str]
) -> None:
    add("metrics/odd.py", metric("rank"))
    assert run(TRAIN) == 2
    assert "metric 'odd' (metrics/odd.py) gives 2.5, and its RANGE is 0 to 1; mend" in capsys.readouterr().err
    assert not (room / "results").exists()


def metric(value: str, title: str = "Odd", more: str = "") -> str:
    """Write a metric of ranks."""
    return f"import polars as pl\nTITLE, RANGE = '{title}', (0, 1)\n{more}\ndef value(rank, k):\n    return {value}\n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("pl.when(rank <= 3).then(1.0)", "metric 'odd' (metrics/odd.py) gives nothing, and its RANGE is 0 to 1"),
        ("(rank <= k) * 7.0", "gives 7, and its RANGE"),
        ("rank * float('nan')", "gives nan, and its RANGE"),
        ("1 / 0", "metric 'odd' (metrics/odd.py, line 5) cannot be computed: ZeroDivisionError: division by zero;"),
    ],
)
def test_a_metric_at_fault_is_one_line(
    trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, add: Add,
    capsys: pytest.CaptureFixture[str], value: str, said: str,
) -> None:  # fmt: skip
    copytree(trained_once, tmp_path / "room")
    monkeypatch.chdir(tmp_path / "room")
    add("metrics/odd.py", metric(value, more="ASKED = True"))
    runs = sorted(map(str, Path("results/runs").iterdir()))
    assert run(["evaluate", runs[0], "--metrics", "odd"]) == 2
    assert said in capsys.readouterr().err
    assert sorted(map(str, Path("results/runs").iterdir())) == runs


def test_metrics_of_one_title_are_told_apart(add: Add) -> None:
    assert metric_label({"metric": "recall", "k": 10}) == "Recall@10"
    add("metrics/odd.py", metric("(rank <= k) / 2", title="Recall"))
    assert metric_label({"metric": "recall", "k": 10}) == "Recall (recall)@10"
    assert metric_label({"metric": "odd", "k": 10}) == "Recall (odd)@10"
    assert metric_label({"metric": "ndcg", "k": 10}) == "NDCG@10"
    titles.cache_clear()


def test_a_preset_is_made_of_options(room: Path, add: Add, capsys: pytest.CaptureFixture[str]) -> None:
    add("presets/odd.py", "SETTINGS = {'widht': 8}")
    assert run([*TRAIN, "--preset", "odd", "--dry-run"]) == 2
    assert "no setting in preset odd 'widht'; did you mean 'width'?" in capsys.readouterr().err


def test_a_preset_may_have_lists_and_flags_as_the_file_of_settings_does(
    room: Path, add: Add, capsys: pytest.CaptureFixture[str]
) -> None:
    add("presets/odd.py", "SETTINGS = {'attn': ['softmax', 'linear'], 'weight-decay': 0.5}")
    assert run([*TRAIN, "--preset", "odd", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [cell["attn"] for cell in document["cells"]] == ["softmax", "linear"]
    assert document["settings"]["attn"][1] == "preset"
    assert document["settings"]["weight_decay"] == [0.5, "preset"]


@pytest.mark.parametrize("text", ["def (", "import nosuch", "FORMS = ('causal')"])
def test_a_profile_of_all_mechanisms_goes_on_without_one_at_fault(
    add: Add, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    before = usual(Profile())
    add("attentions/odd.py", text)
    assert usual(Profile()) == before
    err = capsys.readouterr().err
    assert "attention 'odd' (attentions/odd.py" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("text", ["def (", "SOURCES = ('https://example.org/a.zip')"])
def test_the_list_of_data_sets_goes_on_without_one_at_fault(
    room: Path, add: Add, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    add("datasets/odd.py", text)
    assert run(["download", "--list"]) == 0
    shown = capsys.readouterr()
    assert "ml-1m" in shown.out
    assert "odd" not in shown.out
    assert "linrec: dataset 'odd' (datasets/odd.py)" in shown.err
    assert shown.err.count("\n") == 1
