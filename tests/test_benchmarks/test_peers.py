"""The comparison with RecBole: one log, the same targets, the released formula, and what is made of the seconds."""

import json
import math
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import _sides
import peers
import polars as pl
import pytest
import torch
from torch import nn

from linrec_cli import runs

EVENTS = pl.DataFrame({
    "user": ["b", "a", "b", "b", "a", "a", "b", "a", "c", "a"],
    "item": ["y", "x", "z", "y", "z", "w", "x", "x", "w", "y"],
    "time": [5, 1, 7, 7, 3, 3, 9, 2, 4, 9],
})  # fmt: skip


@pytest.fixture
def data() -> runs.Dataset:
    return runs.prepare(EVENTS, min_user=0, min_item=0)


def test_an_atomic_file_has_typed_names_and_the_place_in_the_history_as_time(
    data: runs.Dataset, tmp_path: Path
) -> None:
    path = peers.atomic(data.prepared.events, tmp_path)
    assert path == tmp_path / "log/log.inter"
    header, *lines = path.read_text().splitlines()
    assert header == "user_id:token\titem_id:token\ttimestamp:float"
    items = dict(data.prepared.items.select("raw", "item").iter_rows())
    users = dict(data.prepared.users.select("raw", "user").iter_rows())
    # By time, and what ties as it stands in the log.
    histories = {"a": "xxzwy", "b": "yzyx", "c": "w"}
    assert sorted(lines) == sorted(
        f"{users[user]}\t{items[item]}\t{place}" for user, own in histories.items() for place, item in enumerate(own)
    )


def test_linrec_reads_from_the_atomic_file_what_it_was_made_of(data: runs.Dataset, tmp_path: Path) -> None:
    again = runs.prepare(peers.atomic(data.prepared.events, tmp_path), data_dir=tmp_path, min_user=0, min_item=0)
    assert again.prepared.digest == data.prepared.digest


def test_what_is_trained_is_all_but_the_first_and_the_last_two_events_of_a_history(data: runs.Dataset) -> None:
    numbers = torch.tensor([0, *({"w": 1, "x": 10, "y": 100, "z": 1000}[raw] for raw in data.prepared.items["raw"])])
    found = _sides.linrec_targets(data.sequences, data.split("leave-one-out"), numbers)
    # Of a (x x z w y) x and z, of b (y z y x) z, of c nothing: it is too short.
    assert found == {"targets": 3, "target_sum": 2010, "valid": 2, "test": 2}


def test_targets_of_recbole_are_counted_by_the_tokens_of_the_file() -> None:
    tokens = {"item_id": pl.Series(["[PAD]", "7", "30"]).to_numpy().astype(str)}
    train = SimpleNamespace(_dataset=Log(inter_feat={"item_id": torch.tensor([2, 1, 2])}, field2id_token=tokens))
    held = [SimpleNamespace(_dataset=range(n)) for n in (4, 5)]
    found = _sides.recbole_targets(train, *held)
    assert found == {"targets": 3, "target_sum": 67, "valid": 4, "test": 5}


class Log(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.inter_feat["item_id"])


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Mix `[T, D]` by the sum over all keys: the product of both tokens' ELU, each of length 1, over the root of D."""
    out = torch.zeros_like(v)
    for i in range(len(q)):
        for j in range(len(k)):
            a, b = ([x if x > 0 else math.exp(x) - 1 for x in row.tolist()] for row in (q[i], k[j]))
            dot = sum(x * y for x, y in zip(a, b, strict=True))
            out[i] += dot / (math.hypot(*a) * math.hypot(*b)) / math.sqrt(len(a)) * v[j]
    return out


def test_the_released_formula_sums_over_every_key() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 5, 4, dtype=torch.float64)
    found = _sides.released(q, k, v)
    for b, h in ((0, 0), (0, 1), (1, 0), (1, 1)):
        torch.testing.assert_close(found[b, h], plain(q[b, h], k[b, h], v[b, h]))


def test_what_stands_in_for_recbole_s_attention_is_added_and_normed_after_its_heads_and_reads_no_mask() -> None:
    torch.manual_seed(0)
    named = {name: nn.Linear(6, 6, dtype=torch.float64) for name in ("query", "key", "value", "dense")}
    norm = nn.LayerNorm(6, dtype=torch.float64)
    layer = SimpleNamespace(num_attention_heads=2, LayerNorm=norm, out_dropout=lambda x: 3 * x, **named)
    x = torch.randn(2, 4, 6, dtype=torch.float64)
    with torch.no_grad():
        found = _sides.mix(layer, x, torch.full((2, 1, 4, 4), -torch.inf))
        heads = [
            torch.stack([plain(*(named[n](row)[:, part] for n in ("query", "key", "value"))) for row in x])
            for part in (slice(0, 3), slice(3, 6))
        ]
        torch.testing.assert_close(found, norm(x + 3 * named["dense"](torch.cat(heads, -1))))


def ticking(monkeypatch: pytest.MonkeyPatch, *moments: float) -> None:
    """Let the clock tell these moments, one after another."""
    told = iter(moments)
    monkeypatch.setattr(_sides.time, "process_time", lambda: next(told))


def test_an_epoch_is_the_median_batch_after_the_first_times_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 1, 11, 13, 16, 20)
    watch = _sides.Stopwatch("abcdefgh", 4)
    assert list(watch) == ["a", "b", "c", "d"]
    assert watch.seconds == [10, 2, 3, 4]
    assert _sides.extrapolated(watch.seconds, targets=100, batch=8) == 3 * 12.5


def test_no_batch_is_handed_on_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 0, 5, 10, 15)
    assert list(_sides.Stopwatch("abcdefgh", 8, until=10)) == ["a", "b"]


def test_seconds_to_a_score_end_with_the_epoch_that_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 100, 130, 170)
    assert _sides.reached(iter([0.04, 0.05, 0.5]), until=0.05, minutes=1.0) == 70
    ticking(monkeypatch, 100, 130, 170)
    assert _sides.reached(iter([0.01, 0.02, 0.05]), until=0.05, minutes=1.0) is None


def rounds() -> list[peers.Row]:
    same = {"targets": 3, "valid": 1, "test": 1, "target_sum": 9}
    return [
        {"program": program, "attention": attention, "round": turn, "epoch_seconds": seconds, **same}
        for turn, taken in enumerate([(60.0, 30.0, 2.0, 3.0), (80.0, 30.0, 4.0, 5.0)])
        for (program, attention), seconds in zip(peers.SIDES, taken, strict=True)
    ]


def test_a_ratio_is_to_the_counterpart_of_the_same_round_and_the_table_has_medians() -> None:
    rows = peers.with_ratios(rounds())
    ratios = [row.get("epoch_seconds_ratio") for row in rows]
    assert ratios == [30, 10, None, None, 20, 6, None, None]
    table = peers.summary(rows)
    assert table["epoch_seconds"].to_list() == [70, 30, 3, 4]
    assert table["epoch_seconds_ratio"].to_list() == [25, 8, None, None]


def test_a_side_that_failed_says_why_and_has_no_ratio() -> None:
    rows = rounds()
    rows[3] = {"program": "linrec", "attention": "linear", "round": 0, "note": "killed"}
    peers.agreed(rows)
    assert [row.get("epoch_seconds_ratio") for row in peers.with_ratios(rows)][:4] == [30, None, None, None]


@pytest.mark.parametrize("name", ["targets", "valid", "test", "target_sum"])
def test_sides_with_other_targets_are_not_compared(name: str) -> None:
    rows = rounds()
    peers.agreed(rows)
    rows[5][name] += 1
    with pytest.raises(SystemExit, match="differ"):
        peers.agreed(rows)


def test_each_round_begins_with_another_side() -> None:
    made = peers.rounds(lambda side: {}, 2)
    order = [(row["program"], row["attention"]) for row in made]
    assert order == [*peers.SIDES, *peers.SIDES[1:], peers.SIDES[0]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    told: list[list[str]] = []

    def run(command: list[str], **how: Any) -> "subprocess.CompletedProcess[str]":
        told.append(command)
        if command[2] == "venv":
            Path(command[-1]).mkdir(parents=True, exist_ok=True)
            (Path(command[-1]) / "pyvenv.cfg").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(peers.subprocess, "run", run)
    monkeypatch.setattr(peers.machine, "commit", lambda: "abc")
    return told


def test_an_environment_is_made_once_and_linrec_in_it_is_this_commit(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers.environment(tmp_path / "env")
    assert [command[2] for command in commands] == ["venv", "pip", "pip"]
    assert commands[1][-3:] == ["-c", "constraints.txt", "."]
    assert "recbole==1.2.1" in commands[2]
    commands.clear()
    peers.environment(tmp_path / "env")
    assert commands == []
    for commit in ("def", "def+", "def+"):
        commands.clear()
        monkeypatch.setattr(peers.machine, "commit", lambda commit=commit: commit)
        peers.environment(tmp_path / "env")
        assert [command[-3:] for command in commands] == [["--no-deps", "--force-reinstall", "."]]


def test_a_folder_of_others_is_left_alone_and_one_broken_off_is_made_anew(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(SystemExit, match="not empty"):
        peers.environment(tmp_path)
    assert commands == []
    run = peers.subprocess.run
    monkeypatch.setattr(
        peers.subprocess, "run", lambda command, **how: run(command) if command[2] == "venv" else broken_off()
    )
    with pytest.raises(KeyboardInterrupt):
        peers.environment(tmp_path / "env")
    monkeypatch.setattr(peers.subprocess, "run", run)
    commands.clear()
    peers.environment(tmp_path / "env")
    assert len(commands) == 3


def broken_off() -> None:
    raise KeyboardInterrupt


def test_what_fails_in_an_installation_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = "WARNING: slow\nERROR: No matching distribution found for recbole==1.2.1\n\n[notice] a new pip\n"
    failed = subprocess.CompletedProcess([], 1, "", told)
    monkeypatch.setattr(peers.subprocess, "run", lambda *command, **how: failed)
    with pytest.raises(SystemExit) as caught:
        peers.called(["python", "-m", "pip", "install"])
    assert str(caught.value).endswith("ERROR: No matching distribution found for recbole==1.2.1")
    assert "\n" not in str(caught.value)
    assert peers.measured(Path("python"), {}, tmp_path) == {
        "note": "ERROR: No matching distribution found for recbole==1.2.1"
    }


def test_a_side_is_told_what_to_measure_and_its_last_line_is_what_it_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(command: list[str], **how: Any) -> "subprocess.CompletedProcess[str]":
        assert how["cwd"] == tmp_path
        return subprocess.CompletedProcess(command, 0, "noise\n" + json.dumps({"told": json.loads(command[-1])}), "")

    monkeypatch.setattr(peers.subprocess, "run", run)
    assert peers.measured(Path("python"), {"batch": 2}, tmp_path) == {"told": {"batch": 2}}
