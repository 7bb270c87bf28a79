"""Runs that are stopped, commands that are killed, servers that misbehave: a few of each, and planted faults."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from faults import network, signals

from linrec_cli.runs.interrupt import Interrupts
from linrec_cli.training import checkpoint


@pytest.mark.parametrize("number", [signals.signal.SIGINT, signals.signal.SIGTERM])
def test_a_run_that_is_stopped_at_any_line_ends_as_one_that_was_not(number: int) -> None:
    found = signals.trials(lines=8, seed=number, number=number, every=0.0)
    assert 7 <= len(found) <= 8
    assert all(one.stopped and not one.differs and one.seconds < 5 for one in found), found


def test_a_signal_that_does_not_wait_is_found_to_alter_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Interrupts.__enter__

    def impatient(interrupts: Interrupts) -> Interrupts:
        interrupts.safe = True
        return begin(interrupts)

    monkeypatch.setattr(Interrupts, "__enter__", impatient)
    found = signals.trials(lines=8, seed=1, files=["training/optimiser.py", "training/state.py"])
    assert {"weights", "history"} & {name for one in found for name in one.differs}


def test_wherever_the_look_at_a_models_size_is_cut_off_torch_makes_tensors_where_it_did() -> None:
    assert not any(one.differs for one in signals.trials(files=["training/room.py"]))
    assert torch.ones(1).device.type == "cpu"


def test_a_signal_that_is_not_heard_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interrupts, "leave", lambda interrupts: None)
    assert not all(one.stopped for one in signals.trials(lines=2, seed=2, files=["training/fit.py"]))


def test_what_a_training_kept_for_itself_is_found_where_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "FILES", signals.FILES | {checkpoint.CHECKPOINT})
    with pytest.raises(AssertionError):
        signals.trials(lines=1)


def test_a_command_that_is_killed_and_begun_anew_ends_as_one_that_was_not(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "faults" / "kills.py"
    asked = ["--commands", "preprocess", "--kills", "1", "--seconds", "60"]
    done = subprocess.run([sys.executable, str(script), *asked], capture_output=True, text=True, check=False)
    told = "killed preprocess, kills 1, unreadable 0, differs 0, leftovers 0, orphans 0, failed 0, slowest_end"
    assert done.stdout.startswith(told), done.stderr
    assert done.returncode == 0


RACES = Path(__file__).parents[2] / "benchmarks" / "faults" / "races.py"
UNLOCKED = """
import runpy, sys
from linrec_cli import disk
disk._acquire = lambda lock, seconds: True
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_who_is_started_eight_times_at_once_works_once_and_a_lock_that_does_not_hold_is_found() -> None:
    asked = ["--commands", "download", "--rounds", "1"]
    done = subprocess.run([sys.executable, str(RACES), *asked], capture_output=True, text=True, check=False)
    told = "raced download, rounds 1, processes 8, stuck 0, failed 0, lost 0, leftovers 0, again"
    assert done.stdout.startswith(f"{told} 0, on"), done.stderr
    assert done.returncode == 0
    script = UNLOCKED.replace("sys.argv[0]", repr(str(RACES)))
    done = subprocess.run([sys.executable, "-c", script, *asked], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("raced download, rounds 1, processes 8, "), done.stderr
    assert ", again 0," not in done.stdout
    assert done.returncode == 1


def test_a_download_from_a_server_that_misbehaves_ends_as_it_should() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "faults" / "network.py"
    asked = ["--only", "cut once;404"]
    done = subprocess.run([sys.executable, str(script), *asked], capture_output=True, text=True, check=False)
    assert [line.partition(", wrong")[0] for line in done.stdout.splitlines()] == [
        "fault cut once, outcome had", "fault 404, outcome next",
    ], done.stderr  # fmt: skip
    assert done.returncode == 0


WHOLE, PART = frozenset({"file.bin", "file.bin.verified"}), frozenset({"file.bin.part"})
FAILED = network.Tried(3, 1.0, "linrec: toy could not be had. x", PART, False)
FETCHED = network.Tried(0, 1.0, "fetched", WHOLE, True)


@pytest.mark.parametrize(
    ("name", "alone", "second", "mirror", "wrong"),
    [
        ("404", FAILED, FETCHED, True, ""),
        ("cut once", FETCHED, FETCHED, False, ""),
        ("404", FETCHED, FETCHED, True, "alone said"),
        ("404", FAILED._replace(code=1), FETCHED, True, "alone"),
        ("404", FAILED._replace(said="Traceback: could not be had"), FETCHED, True, "said"),
        ("404", FAILED._replace(said="linrec: no"), FETCHED, True, "said"),
        ("404", FAILED._replace(left=PART | {".incoming-1"}), FETCHED, True, "left"),
        ("404", FAILED, FETCHED, False, "with another"),
        ("404", FAILED, FETCHED._replace(right=False), True, "with another"),
        ("404", FAILED, FETCHED._replace(left=WHOLE | PART), True, "left"),
        ("cut once", FETCHED._replace(right=False), FETCHED, False, "alone"),
        ("cut once", FETCHED, FETCHED, True, "with another"),
    ],
)
def test_what_a_download_does_wrong_is_found(
    name: str, alone: network.Tried, second: network.Tried, mirror: bool, wrong: str
) -> None:
    row = network.judged(name, alone, second, mirror, 0)
    assert row["outcome"] == ("wrong" if wrong else "had" if name == "cut once" else "next")
    assert (row["wrong"] == wrong) if " " not in wrong else set(wrong.split()) <= set(row["wrong"].split())


def test_a_command_that_is_refused_room_or_right_ends_in_one_line_and_goes_on() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "faults" / "disk.py"
    asked = ["--commands", "preprocess", "--faults", "full,no right", "--every", "12"]
    done = subprocess.run([sys.executable, str(script), *asked], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert {line.split(", ")[1] for line in lines} == {"fault full", "fault no right"}, done.stderr
    assert all(line.endswith("traceback 0, differs 0, leftovers 0") for line in lines), done.stdout
    assert ", named 0" not in lines[0]
    assert done.returncode == 0
