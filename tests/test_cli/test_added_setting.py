"""A setting that is added leaves every run there is readable, found and comparable."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from linrec_cli import settings
from linrec_cli.cli import run
from linrec_cli.declared import setting

SMALL = ["--epochs", "2", "--width", "8", "--layers", "1", "--tokens", "200", "--maxlen", "20", "--threads", "1"]
TRAIN = ["train", "--data", "ring.csv", *SMALL, "--device", "cpu"]


@pytest.fixture
def old(trained_once: Path, room: Path) -> Path:
    """Runs that were made before."""
    shutil.copytree(trained_once, room, dirs_exist_ok=True)
    return room


def add(monkeypatch: pytest.MonkeyPatch, default: str) -> None:
    """Give the settings of a training one more, which was plain in all runs before there was a choice."""

    @dataclass(frozen=True)
    class More(settings.Train):
        flavour: str = setting(default, neutral="plain")

    before: Any = settings.Train
    for name, module in list(sys.modules.items()):
        if name.startswith("linrec_cli") and getattr(module, "Train", None) is before:
            monkeypatch.setattr(module, "Train", More)
    monkeypatch.setattr(settings, "KINDS", tuple(More if one is before else one for one in settings.KINDS))


@pytest.mark.parametrize("attn", ["softmax", "linear"])
def test_train_skips_what_was_trained_before(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, attn: str
) -> None:
    add(monkeypatch, "plain")
    assert run([*TRAIN, "--attn", attn]) == 0
    assert "done already" in capsys.readouterr().err
    assert len(list(old.glob("results/runs/*"))) == 2


def test_train_does_not_take_another_flavour_for_the_same(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, "spicy")
    assert run([*TRAIN, "--attn", "linear"]) == 0
    assert "done already" not in capsys.readouterr().err
    assert len(list(old.glob("results/runs/*"))) == 3


def test_evaluate_finds_it(old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["evaluate", "sasrec-linear", "--json", "--device", "cpu"]) == 0
    before = json.loads(capsys.readouterr().out)["rows"]
    add(monkeypatch, "spicy")
    assert run(["evaluate", "sasrec-linear", "--json", "--device", "cpu"]) == 0
    after = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["run"], row["setup"], row["value"]) for row in after] == [
        (row["run"], row["setup"], row["value"]) for row in before
    ]
    assert run(["show", "sasrec-linear"]) == 0
    assert capsys.readouterr().out.endswith("Nothing is missing.\n")


@pytest.mark.parametrize(("default", "figures"), [("plain", 1), ("spicy", 2)])
def test_plot_draws_old_and_new_runs_of_equal_settings_together(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, default: str, figures: int
) -> None:
    add(monkeypatch, default)
    # One after the other: a sweep's processes would know nothing of the new setting.
    for attn in ("mean", "elu"):
        assert run([*TRAIN, "--attn", attn]) == 0
    capsys.readouterr()
    assert run(["plot", "--format", "svg", "-o", "figures"]) == 0
    drawn = [line for line in capsys.readouterr().out.split() if "/train-ring" in line and line.endswith(".svg")]
    assert len(drawn) == figures


@pytest.mark.parametrize(("default", "verdict"), [("plain", "ok"), ("spicy", "incomparable")])
def test_compare_judges_new_runs_against_old_ones_of_equal_settings(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, default: str, verdict: str
) -> None:
    add(monkeypatch, default)
    assert run([*TRAIN, "--attn", "linear", "--results-dir", "new"]) == 0
    capsys.readouterr()
    run(["compare", "results", "new", "--json"])
    document = json.loads(capsys.readouterr().out)
    linear = [one for one in document["verdicts"] if one["cell"]["attention"] == "linear" and one["kind"] == "quality"]
    assert {one["verdict"] for one in linear} == {verdict}
