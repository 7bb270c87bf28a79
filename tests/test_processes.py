"""Processes as torchrun tells of them: how many, which this is, and what it may do."""

import pytest
import torch

from linrec_cli import machine, processes
from linrec_cli.cli import run
from linrec_cli.cli.options import here
from linrec_cli.errors import UsageError


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of three processes, two of which are here."""
    told = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes, "speaks", lambda: True)


def test_without_torchrun_there_is_one_whatever_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    assert (processes.count(), processes.rank(), processes.here(), processes.noted()) == (1, 0, 1, None)
    assert processes.speaks()
    assert processes.alike(1.5, 2.5) == (1.5, 2.5)
    assert processes.anywhere(True)
    assert not processes.anywhere(False)
    assert torch.equal(processes.summed(torch.ones(2)), torch.ones(2))


@pytest.mark.usefixtures("second")
def test_torchrun_says_how_many_and_which() -> None:
    assert (processes.count(), processes.rank(), processes.here(), processes.noted()) == (3, 1, 2, 3)


@pytest.mark.usefixtures("second")
def test_the_threads_of_a_machine_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((8, 4), (3, 1), (1, 1)):
        monkeypatch.setattr(machine, "cores", lambda cores=cores: cores)
        assert here({"device": "cpu", "threads": 0})["threads"] == threads
    assert here({"device": "cpu", "threads": 5})["threads"] == 5


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["profile"], "linrec profile is done by one process; leave torchrun out."),
        (["recommend", "any"], "linrec recommend is done by one process; leave torchrun out."),
        (["train", "--dry-run"], "--dry-run estimates what one process takes; leave torchrun out."),
        (["train", "--fit"], "--fit starts a process for each cell; leave it out, or torchrun."),
        (["train", "--seed", "0,1"], "torchrun trains one cell, not 2; start it once for each, or leave it out."),
    ],
)
def test_what_several_processes_cannot_do_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err == f"linrec: {said}\n"


@pytest.mark.usefixtures("second")
def test_a_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="1 GPUs for 2 processes; lower --nproc-per-node"):
        processes.place("cuda")
    with pytest.raises(UsageError, match="--device mps is for one process"):
        processes.place("mps")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    processes.place("cuda")
    processes.place("cpu")
    assert chosen == [1]


def test_what_is_no_lost_process_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.0)
    with pytest.raises(processes.LostError, match="in 10 minutes; start the same command again"), processes.answered():
        raise RuntimeError("Connection closed by peer")
    with pytest.raises(RuntimeError, match="out of memory"), processes.answered():
        raise RuntimeError("CUDA out of memory")
    with pytest.raises(KeyError), processes.answered():
        raise KeyError
