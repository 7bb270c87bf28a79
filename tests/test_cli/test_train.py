import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from linrec_cli.cli import run
from linrec_cli.results import store
from linrec_cli.runs.sweep import means
from linrec_cli.settings import Train
from linrec_cli.training import checkpoint

SMALL = ["--width", "8", "--layers", "1", "--tokens", "200", "--maxlen", "20", "--threads", "1"]
TRAIN = ["train", "--data", "ring.csv", "--epochs", "2", *SMALL]


def runs(room: Path) -> list[Path]:
    return sorted((room / "results" / "runs").iterdir())


def weights(folder: Path) -> str:
    return checkpoint.digest(checkpoint.read_weights(folder, "cpu"))


def test_a_run_writes_its_rows_history_ranks_weights_and_settings(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(TRAIN) == 0
    (folder,) = runs(room)
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {
        "settings.toml",
        "table.parquet",
        "history.parquet",
        "ranks.parquet",
        "weights.safetensors",
    }
    table = store.read(room / "results")
    assert set(table["metric"]) >= {"recall", "ndcg", "mrr", "seconds_per_epoch", "peak_bytes"}
    assert table.filter(stage="test", metric="ndcg", k=10)["protocol"].item() == "full"
    assert pl.read_parquet(folder / "history.parquet").height == 2
    assert pl.read_parquet(folder / "ranks.parquet").columns == ["user", "valid", "test"]
    assert folder.name in capsys.readouterr().err


def test_the_same_command_again_skips_and_fresh_makes_the_same_anew(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(TRAIN) == 0
    first = weights(runs(room)[0])
    capsys.readouterr()
    assert run(TRAIN) == 0
    assert "done already" in capsys.readouterr().err
    assert run([*TRAIN, "--fresh"]) == 0
    assert "done already" not in capsys.readouterr().err
    assert weights(runs(room)[0]) == first


def test_several_seeds_are_averaged() -> None:
    cells = [Train(attn="linear", seed=seed) for seed in (0, 1)]
    same = {"stage": "test", "k": 10}
    rows = [
        {"run": cell.name, "metric": metric, "value": value} | same
        for cell, values in zip(cells, ((0.2, 0.12345, 0.3), (0.4, 0.12346, 0.1)), strict=True)
        for metric, value in zip(("recall", "ndcg", "mrr"), values, strict=True)
    ]
    assert means(cells, rows) == [["linear", 200, "mean", "0.3000", "0.1235", "0.0000", "0.2000", "", ""]]


def test_json_is_one_document_on_stdout(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["command"] for row in document["rows"]} == {"train"}


def test_a_killed_run_goes_on_and_ends_with_the_weights_of_one_that_was_not(room: Path) -> None:
    long = [*TRAIN[:3], "--epochs", "12", *SMALL]
    command = [sys.executable, "-m", "linrec_cli", *long, "--results-dir", "killed"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not list(room.glob("killed/runs/*/checkpoint.safetensors")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not list(room.glob("killed/runs/*/table.parquet")), "it was done before it was killed"
    assert run([*long, "--results-dir", "killed"]) == 0
    assert run([*long, "--results-dir", "whole"]) == 0
    (killed,), (whole,) = room.glob("killed/runs/*"), room.glob("whole/runs/*")
    assert weights(killed) == weights(whole)
    losses = [pl.read_parquet(folder / "history.parquet")["loss"].to_list() for folder in (killed, whole)]
    assert losses[0] == losses[1]


def test_a_run_that_another_process_trains_is_left_alone(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--dry-run", "--json"]) == 0
    folder = room / "results" / "runs" / json.loads(capsys.readouterr().out)["cells"][0]["run"]
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        assert run(TRAIN) == 3
    assert "another process is training" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_resume_says_that_there_is_nothing_to_take_up(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--resume"]) == 0
    assert "nothing to take up" in capsys.readouterr().err


def test_a_sweep_goes_on_past_a_cell_that_fails_and_exits_4(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = [*TRAIN, "--seed", "0,1", "--lr", "1e-3"]
    # The first cell's checkpoint is damaged: that cell fails, the other does not.
    assert run([*sweep, "--dry-run", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["cells"][0]["run"]
    folder = room / "results" / "runs" / first
    folder.mkdir(parents=True)
    (folder / "checkpoint.safetensors").write_bytes(b"broken")
    assert run(sweep) == 4
    status = store.read(room / "results").group_by("seed").agg(pl.col("status").first()).sort("seed")
    assert status["status"].to_list() == ["error", "ok"]
    assert "--fresh" in store.read(room / "results").filter(seed=0)["note"].item()


def test_a_dry_run_says_where_each_setting_came_from_and_trains_nothing(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (room / "linrec.toml").write_text("[train]\nlayers = 1\nmaxlen = [10, 20]\n", "utf-8")
    monkeypatch.setenv("LINREC_TRAIN_DROPOUT", "0.1")
    assert run(["train", "--data", "ring.csv", "--width", "8", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    settings = document["settings"]
    assert settings["width"] == [8, "flag"]
    assert settings["dropout"] == [0.1, "environment"]
    assert settings["layers"] == [1, "linrec.toml"]
    assert settings["heads"] == [2, "default"]
    assert [cell["maxlen"] for cell in document["cells"]] == [10, 20]
    assert document["cells"][0]["estimate"]["seconds"] > 0
    assert not (room / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--attn", "liner"], 2, "did you mean 'linear'"),
        (["--model", "sasrek"], 2, "did you mean 'sasrec'"),
        (["--width", "7"], 2, "does not split"),
        (["--seed", "one"], 2, "--seed takes whole numbers"),
        (["--seed", "-1"], 2, "--seed"),
        (["--maxlen", "5,,6"], 2, "empty entry"),
        (["--maxlen", "0"], 2, "--maxlen 0 is out of range"),
        (["--epochs", "0"], 2, "--epochs 0 is out of range"),
        (["--dtype", "float16"], 2, "no dtype 'float16'"),
        (["--device", "tpu"], 2, "no device 'tpu'"),
        (["--data", "nowhere.csv"], 3, "nowhere.csv"),
        (["--widht", "7"], 2, "--width"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    room: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run([*TRAIN, *arguments]) == code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("linrec: ")
    assert message in error
    assert not (room / "results").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[train]\nwidht = 3\n", "did you mean 'width'"),
        ("[trian]\nwidth = 3\n", "did you mean 'train'"),
        ("data_dri = 'x'\n", "data_dir"),
        ("width = \n", "not valid TOML"),
    ],
)
def test_an_unknown_key_in_linrec_toml_is_an_error_with_a_suggestion(
    room: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    (room / "linrec.toml").write_text(content, "utf-8")
    assert run(TRAIN) == 2
    assert message in capsys.readouterr().err
