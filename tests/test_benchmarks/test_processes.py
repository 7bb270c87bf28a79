"""Ways to train take turns, each is started as it is named, and their numbers are those of the tables."""

import subprocess
from pathlib import Path

import polars as pl
import processes
import pytest

SECONDS = {1: 2.0, 2: 0.5}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands, in order; each leaves a table as a training does."""
    commands: list[list[str]] = []

    def run(command: list[str], **more: object) -> None:
        commands.append(command)
        several = "torch.distributed.run" in command
        folder = Path(command[command.index("--results-dir") + 1]) / "runs/one"
        folder.mkdir(parents=True)
        values = {"seconds_per_epoch": SECONDS[2 if several else 1], "targets_per_epoch": 100.0, "parameters": 7.0}
        rows = [
            {"stage": "train", "metric": name, "value": value, "contended": several} for name, value in values.items()
        ]
        pl.DataFrame(rows).write_parquet(folder / "table.parquet")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_ways_take_turns_and_the_first_of_a_round_is_what_others_are_measured_by(started: list[list[str]]) -> None:
    given = processes.arguments(["--how", "1x2,2x1", "--tokens", "64", "--rounds", "2", "--data", "ring.csv"])
    rows = list(processes.measured(given))
    assert [(r["processes"], r["threads_each"], r["round"]) for r in rows] == [
        (1, 2, 1),
        (2, 1, 1),
        (1, 2, 2),
        (2, 1, 2),
    ]
    assert [r["targets_per_second"] for r in rows] == [50.0, 200.0, 50.0, 200.0]
    assert [r["ratio"] for r in rows] == [1.0, 4.0, 1.0, 4.0]
    assert [r["contended"] for r in rows] == [False, True, False, True]
    plain, several = (" ".join(command[1:]) for command in started[:2])
    assert plain.startswith("-m linrec_cli train --data ring.csv ")
    assert several.startswith("-m torch.distributed.run --standalone --nproc-per-node 2 -m linrec_cli train ")
    assert "--tokens 64 --threads 2 " in plain
    assert "--tokens 64 --threads 1 " in several


def test_a_line_has_the_medians_of_the_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    own = {"tokens": 1600, "processes": 2, "threads_each": 1, "contended": False}
    processes.show([own | {"targets_per_second": speed, "ratio": speed / 100} for speed in (300.0, 100.0, 160.0)])
    assert capsys.readouterr().out.split() == ["1,600", "tokens", "2x1", "160", "targets/s", "1.60x"]
