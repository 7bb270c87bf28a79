"""What is exported is where it was asked for, and what is asked wrongly is one line."""

import json
from pathlib import Path

import pytest

from linrec_cli.cli import run


def test_a_run_is_exported_beside_the_results_or_where_it_is_asked_for(
    trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = ["--format", "safetensors", "--data-dir", str(trained_once / "datasets")]
    folder = next((trained_once / "results/runs").glob("*-softmax-*"))
    assert run(["export", str(folder), *own]) == 0
    assert capsys.readouterr().out == f"results/exports/{folder.name}\n"
    assert json.loads((tmp_path / "results/exports" / folder.name / "card.json").read_text())["attn"] == "softmax"
    assert run(["export", str(folder), *own, "-o", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "mine/card.json").read_text()) | {"folder": "mine"}


def test_what_is_asked_wrongly_is_one_line(
    trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained_once)
    for asked, message in (
        (["nothing"], "no finished run 'nothing'"),
        (["ring-sasrec-softmax", "--format", "pickle"], "no format 'pickle'"),
        (["ring-sasrec-softmax", "-o", "."], "holds something that is no export"),
    ):
        assert run(["export", *asked]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
