import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from linrec_cli import containers, machine
from linrec_cli.errors import UsageError


def test_cpu_is_always_there_and_auto_finds_something() -> None:
    assert machine.device("cpu") == "cpu"
    assert machine.device("auto") in ("cpu", "cuda", "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_an_error_that_says_what_to_use() -> None:
    with pytest.raises(UsageError, match="--device cpu"):
        machine.device("cuda")


@pytest.mark.parametrize(
    ("name", "built", "why"),
    [
        ("cuda", True, "no cuda device, or no driver for it, is seen;"),
        ("cuda", False, "this build of torch has no cuda;"),
        ("mps", True, "no mps device"),
        ("mps", False, "this build of torch has no mps;"),
    ],
)
def test_why_a_device_is_not_there_is_said(name: str, built: bool, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0" if built else None)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: built)
    for module in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(module, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"^{why}"):
        machine.device(name)


@pytest.mark.parametrize(
    ("name", "device", "native", "expected"),
    [
        ("auto", "cuda", True, "bfloat16"), ("auto", "cuda", False, "float32"), ("auto", "cpu", True, "float32"),
        ("auto", "mps", True, "float32"), ("float32", "cuda", True, "float32"), ("bfloat16", "cpu", False, "bfloat16"),
    ],
)  # fmt: skip
def test_where_no_dtype_is_asked_for_it_is_bfloat16_on_a_gpu_that_computes_in_it(
    name: str, device: str, native: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that emulates it has it too, slowly.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert machine.dtype(name, device) == expected


def test_a_container_has_what_its_groups_allow_and_no_more_than_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=1000))
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(32), raising=False)
    for allowed, expected in (([], (1000, 32)), ([4000, 900], (900, 32)), ([3, 2], (2, 2))):
        monkeypatch.setattr(containers, "memory", lambda allowed=allowed: allowed)
        monkeypatch.setattr(containers, "processors", lambda allowed=allowed: allowed)
        assert (machine.memory(), machine.cores()) == expected


def test_the_environment_of_a_number_is_named() -> None:
    named = machine.describe("cpu")
    assert named["device"].startswith("cpu ")
    assert named["torch"] == torch.__version__


def test_an_installed_linrec_knows_the_commit_it_was_built_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lib" / "site-packages" / "linrec_cli"
    package.mkdir(parents=True)
    monkeypatch.setattr(machine, "__file__", str(package / "machine.py"))
    assert machine.commit() == ""
    (package / "commit").write_text("0123456789ab+\n")
    assert machine.commit() == "0123456789ab+"
    assert machine.version().startswith(f"linrec {machine.__version__} at 0123456789ab+, torch {torch.__version__}, ")


@pytest.mark.parametrize(
    ("physical", "allowed", "expected"),
    [(4, {0, 1}, 2), (4, set(range(8)), 4), (None, {0, 1, 2}, 3), (1, {0, 1}, 1)],
)
def test_cores_are_physical_ones_that_this_process_may_use(
    physical: int | None, allowed: set[int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 99 if logical else physical)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: allowed, raising=False)
    assert machine.cores() == expected


def test_where_no_process_is_bound_all_processors_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 6)
    assert machine.cores() == 6


def test_as_many_threads_compute_as_are_asked_for() -> None:
    machine.prepare(3)
    assert torch.get_num_threads() == 3


def test_the_attention_of_cudnn_is_left_out() -> None:
    torch.backends.cuda.enable_cudnn_sdp(True)
    machine.prepare(1)
    assert not torch.backends.cuda.cudnn_sdp_enabled()


@pytest.mark.parametrize(("change", "mark"), [("", ""), ("more", "+")])
def test_the_commit_is_that_of_the_checkout_marked_where_it_was_changed(
    change: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", "-C", str(tmp_path), *who, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    room = tmp_path / "src/linrec_cli"
    room.mkdir(parents=True)
    (room / "machine.py").write_text("a", "utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "a")
    (room / "machine.py").write_text("a" + change, "utf-8")
    monkeypatch.setattr(machine, "__file__", str(room / "machine.py"))
    assert machine.commit() == git("rev-parse", "HEAD")[:12] + mark


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "src/linrec_cli/machine.py"))
    assert machine.commit() == ""


@pytest.fixture
def unordered() -> Iterator[None]:
    """Give back what a test asked torch for."""
    filled = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = filled


@pytest.mark.usefixtures("unordered")
def test_an_order_is_asked_of_torch_and_of_cublas_and_what_has_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    machine.order(False)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    assert not torch.are_deterministic_algorithms_enabled()
    machine.order(True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.are_deterministic_algorithms_enabled()
    # It would cost time, and there is nothing to fill.
    assert not torch.utils.deterministic.fill_uninitialized_memory
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(3).put_(torch.tensor([1]), torch.tensor([1.0]))
    assert machine.said(raised.value).startswith("put_ has no deterministic form; leave --deterministic out")
    machine.order(False)
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_error_is_said_in_a_line() -> None:
    assert machine.said(RuntimeError(" shapes differ\nmore")) == "shapes differ"
    assert machine.said(MemoryError()) == "MemoryError"
