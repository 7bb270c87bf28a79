"""What a person sees while models train."""

import io
from typing import Any

import pytest
from rich.console import Console

from linrec_cli.cli import console
from linrec_cli.cli.train_progress import Progress
from linrec_cli.runs import events


def epoch(number: int, waited: int) -> events.Epoch:
    return events.Epoch("a-run", number, 6.0, 0.25, 1.0, waited, 8)


def batch(number: int, best: float | None = None) -> events.Batch:
    return events.Batch("a-run", "linear", 2, number, 9, 6.54321, best)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal, as far as the console knows."""
    screen = io.StringIO()
    made = Console(file=screen, force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr(console, "stream", lambda stderr: made)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    return screen


def test_elsewhere_than_on_a_terminal_every_epoch_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as watch:
        for event in (batch(1), epoch(1, 0), batch(9), epoch(2, 1), epoch(3, 2)):
            watch(event)
    assert [line[:9] for line in capsys.readouterr().err.splitlines()] == ["epoch   1", "epoch   2", "epoch   3"]


def test_on_a_terminal_only_the_best_so_far_and_every_tenth_is_a_line(terminal: io.StringIO) -> None:
    watch = Progress()
    for number in range(1, 22):
        watch(epoch(number, 0 if number in (1, 4) else 1))
    lines = [line.split()[1] for line in terminal.getvalue().splitlines() if line.startswith("epoch")]
    assert lines == ["1", "4", "10", "20"]


def test_the_bar_says_where_the_epoch_stands(terminal: io.StringIO) -> None:
    watch: Any = Progress()
    for event in (batch(1), batch(4, 0.12345)):
        watch(event)
    (task,) = watch.bar.tasks
    assert (task.completed, task.total) == (4, 9)
    assert task.description == "linear epoch 2 loss 6.543 best NDCG@10 0.1235"
    watch(batch(1))
    assert task.completed == 1
    assert watch.bar.tasks[0].description == "linear epoch 2 loss 6.543"


@pytest.mark.parametrize(("resume", "said"), [(False, ""), (True, "a-run: nothing to take up")])
def test_that_nothing_is_there_to_take_up_is_said_to_who_asked(
    resume: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress(resume)(events.Anew("a-run"))
    shown = capsys.readouterr().err
    assert shown.startswith(said)
    assert bool(shown) == bool(said)


def test_the_bar_is_drawn_while_it_trains_and_gone_after(terminal: io.StringIO) -> None:
    with Progress() as watch:
        watch(batch(4))
    assert "linear epoch 2 loss 6.543" in terminal.getvalue()
    # The line it stood in is erased.
    assert terminal.getvalue().endswith("\x1b[2K")


def test_that_the_machine_is_busy_is_said_once_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Progress()
    for run in ("a-run", "a-run", "another"):
        watch(events.Crowded(run, 2, 1, 0.5, 60.0))
    assert capsys.readouterr().err.count("others use the cores") == 1
