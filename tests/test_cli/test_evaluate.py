import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from linrec_cli.cli import run
from linrec_cli.evaluation import protocols
from linrec_cli.results import store


@pytest.fixture
def trained(trained_once: Path, room: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of them to work in."""
    shutil.copytree(trained_once, room, dirs_exist_ok=True)
    capsys.readouterr()
    return room


def test_the_default_gives_the_numbers_of_the_training_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "sasrec-linear", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    table = store.read(trained / "results").filter(command="train", attention="linear", stage="test")
    assert [row["value"] for row in rows] == table["value"].to_list()


def test_runs_stand_side_by_side(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "sasrec-linear", "sasrec-softmax", "--k", "10", "--stage", "valid", "--seen", "rank"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "linear 20 s0" in out
    assert "softmax 20 s0" in out
    assert "seen items ranked" in out


def test_negatives_are_drawn_once_and_shared(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "NEGATIVES", 4)
    assert run(["evaluate", "sasrec-linear", "sasrec-softmax", "--protocol", "uni100", "--k", "1"]) == 0
    assert capsys.readouterr().err.count("negatives drawn") == 1
    (path,) = trained.glob("datasets/ring/prepared-*/negatives-uni100-test-0.parquet")
    assert pl.read_parquet(path).height == 60
    assert len(list(trained.glob("results/runs/evaluate-test-uni100-*/ranks.parquet"))) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no finished run"),
        (["ring"], 2, "fits 2 runs"),
        (["sasrec-linear", "--protocol", "uni10"], 2, "did you mean 'uni100'"),
        (["sasrec-linear", "--seen", "hide"], 2, "remove, rank"),
        (["sasrec-linear", "--k", "0"], 2, "from 1 on"),
        (["sasrec-linear", "--protocol", "uni100"], 3, "use --protocol full"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    trained: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run(["evaluate", *arguments]) == code
    assert message in capsys.readouterr().err


def test_data_that_changed_since_training_is_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained / "ring.csv"
    path.write_text(path.read_text("utf-8").replace("u0,", "u1,", 5), "utf-8")
    assert run(["evaluate", "sasrec-linear"]) == 3
    assert "is not what the run was trained on" in capsys.readouterr().err
