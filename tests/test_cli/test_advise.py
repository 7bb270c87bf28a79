"""`linrec advise` takes the options of `train`, measures, and shows a line a mechanism and length."""

import json
from pathlib import Path
from typing import Any

import pytest

from linrec_cli.analysis.advice import Cost
from linrec_cli.cli import run
from linrec_cli.cli.advise import unmeasured
from linrec_cli.runs import advise
from linrec_cli.settings import Train

ASK = ["advise", "ring.csv", "--threads", "1"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Train]:
    """Cells that are asked for; each costs a second a position of `maxlen`, softmax twice."""
    cells: list[Train] = []

    def planted(found: list[Train], *more: Any) -> list[Cost]:
        cells[:] = found
        assert more[-1] == 2.0
        return [Cost(c.attn, c.maxlen, c.maxlen * (2 if c.attn == "softmax" else 1), 3.0, 2.0**20) for c in found]

    monkeypatch.setattr(advise, "advise", planted)
    return cells


def test_the_most_telling_mechanisms_are_costed_over_the_lengths_of_the_data(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ASK) == 0
    assert [(cell.attn, cell.maxlen) for cell in asked] == [("softmax", 50), ("linear", 50), ("linear-gated", 50)]
    out = capsys.readouterr().out
    assert "ring, what it will cost" in out
    assert ["linear", "50", "0%", "50", "s", "3.0", "s", "1"] in [line.split() for line in out.splitlines()]
    assert "linear is faster at every length here than softmax.\n" in out


def test_options_are_those_of_train_and_a_model_that_takes_no_mechanism_has_a_line(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ASK, "--attn", "linear", "--maxlen", "10,20", "--width", "8", "--json"]) == 0
    assert [(cell.attn, cell.maxlen, cell.width) for cell in asked] == [("linear", 10, 8), ("linear", 20, 8)]
    found = json.loads(capsys.readouterr().out)
    # All of the ring's users have 25 events.
    assert [cost["longer_histories"] for cost in found["costs"]] == [1.0, 1.0]
    assert found["costs"][1]["epoch"] == 20
    assert run([*ASK, "--model", "gru4rec"]) == 0
    assert [(cell.model, cell.attn) for cell in asked] == [("gru4rec", "")]
    assert run([*ASK, "--preset", "best", "--width", "8"]) == 0
    assert [(cell.attn, cell.width, cell.layers, cell.heads) for cell in asked] == [("linear-gated", 8, 3, 4)]
    assert run([*ASK, "--attn", "liner"]) == 2
    assert run(["advise", "nowhere.csv"]) == 3


def test_what_costs_something_and_is_not_in_the_curves_is_told(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ASK, "--attn", "linear", "--ema", "0.99", "--dropout", "0", "--lr", "0.1"]) == 0
    assert "Not in these figures: --dropout 0.0, --ema 0.99.\n" in capsys.readouterr().out
    assert run([*ASK, "--attn", "linear"]) == 0
    assert "Not in these figures" not in capsys.readouterr().out
    assert run([*ASK, "--attn", "linear", "--clip", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["--clip 1.0"]


def test_all_that_costs_something_is_told() -> None:
    assert unmeasured(Train()) == []
    told = unmeasured(Train(dropout=0.0, ema=0.9, clip=1.0, graphs=True, deterministic=True))
    assert told == ["--dropout 0.0", "--ema 0.9", "--clip 1.0", "--graphs", "--deterministic"]


def test_what_was_timed_beside_others_is_told(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def planted(cells: list[Train], *_: Any) -> list[Cost]:
        return [Cost(cell.attn, cell.maxlen, 1.0, 1.0, None, cell.attn == "linear") for cell in cells]

    monkeypatch.setattr(advise, "advise", planted)
    assert run(ASK) == 0
    assert "Others used the cores while linear took its time" in capsys.readouterr().out
    assert run([*ASK, "--attn", "softmax"]) == 0
    assert "Others used the cores" not in capsys.readouterr().out
    assert run([*ASK, "--json"]) == 0
    assert [one["contended"] for one in json.loads(capsys.readouterr().out)["costs"]] == [False, True, False]


def test_what_is_not_told_is_filled_in_and_what_is_told_stays(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ASK, "--model", "bert4rec", "--maxlen", "25,24", "--json"]) == 0
    assert [(cell.attn, cell.maxlen) for cell in asked] == [
        ("softmax", 25), ("softmax", 24), ("linear", 25), ("linear", 24)
    ]  # fmt: skip
    # All of the ring's users have 25 events.
    assert [cost["longer_histories"] for cost in json.loads(capsys.readouterr().out)["costs"][:2]] == [0.0, 1.0]
    assert run([*ASK, "--attn", "linear"]) == 0
    assert [(cell.attn, cell.maxlen) for cell in asked] == [("linear", 50)]
    asked.clear()
    # Nothing is left of the data.
    assert run([*ASK, "--min-user", "26"]) == run([*ASK, "--min-item", "999"]) == 3
    assert asked == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--width", "8,16"], "advice is for one --width at a time; give one."),
        (["--seed", "0,1"], "advice is for one --seed at a time; give one."),
        (["--model", "sasrec,bert4rec"], "advice is for one --model at a time; give one."),
        (["--model", "popular"], "model popular is counted, not trained: there is no step to measure; choose another."),
        (["--model", "sasrecf"], "feature"),
    ],
)
def test_what_could_not_be_trained_or_told_apart_is_refused(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert run([*ASK, *more]) in (2, 3)
    assert message in " ".join(capsys.readouterr().err.split())
    assert asked == []


def test_data_that_leave_nothing_to_train_on_are_refused(
    room: Path, asked: list[Train], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"u{user},i{(user + time) % 9},{time}" for user in range(40) for time in range(2)]
    Path("short.csv").write_text("\n".join(["user,item,time", *lines]), "utf-8")
    assert run(["advise", "short.csv", "--min-user", "0", "--min-item", "0"]) == 3
    assert asked == []
