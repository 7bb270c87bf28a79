"""`linrec plot` writes figures and, beside each, the table it was drawn from."""

import json

import polars as pl
import pytest

from linrec_cli.cli import run
from linrec_cli.results import schema, store

WHAT = {"command": "profile", "phase": "step", "metric": "seconds", "unit": "s", "attention": "linear"}
ROW = WHAT | {"model": "sasrec", "maxlen": 128, "width": 8, "tokens": 128, "device": "cpu"}


@pytest.fixture
def results(tmp_path):
    store.write_frame(schema.table(ROW, [{"value": 0.5}]), store.folder(tmp_path, "one") / store.TABLE)
    return tmp_path


def test_every_format_and_the_points_have_the_same_stem(results, tmp_path, capsys):
    assert run(["plot", str(results), "-o", str(tmp_path / "out"), "--format", "png,svg", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [name.rpartition(".")[2] for name in files] == ["png", "svg", "csv"]
    assert len({name.rpartition(".")[0] for name in files}) == 1
    assert pl.read_csv(files[2])["value"].to_list() == [500.0]


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    for name in ("one", "two"):
        assert run(["plot", str(results), "-o", str(tmp_path / name), "--format", "svg"]) == 0
    (first,), (second,) = ([*(tmp_path / name).glob("*.svg")] for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_no_results_is_a_data_error(tmp_path):
    assert run(["plot", str(tmp_path)]) == 3


def test_results_without_a_number_cannot_be_drawn(tmp_path):
    store.write_frame(schema.table(ROW, [{"status": "oom"}]), store.folder(tmp_path, "one") / store.TABLE)
    assert run(["plot", str(tmp_path)]) == 4


def test_an_unknown_format_is_a_usage_error(results, capsys):
    assert run(["plot", str(results), "--format", "pngg"]) == 2
    assert "did you mean 'png'" in capsys.readouterr().err
