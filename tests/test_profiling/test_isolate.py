"""What a child says, or does not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from linrec_cli.profiling import clock, isolate


@pytest.mark.parametrize(("counts", "status"), [((7, 7), "error"), ((7, 8), "oom"), ((None, None), "oom")])
def test_a_child_that_was_killed_ran_out_of_memory_only_if_the_kernel_says_so(
    monkeypatch: pytest.MonkeyPatch, counts: tuple[int | None, int | None], status: str
) -> None:
    told: Iterator[int | None] = iter(counts)
    monkeypatch.setattr(isolate, "kills", lambda: next(told))
    child = isolate.Child(clock.measure)
    child.process.kill()
    answer = child.died()
    child.stop()
    assert answer.status == status
    assert "SIGKILL" in answer.note


class AcceleratorError(RuntimeError):
    """As torch names what CUDA says."""


def cuda(said: str) -> AcceleratorError:
    """Make an error as torch does of what CUDA says: advice follows it."""
    advice = "CUDA kernel errors might be reported at some other call.\nCompile with `TORCH_USE_CUDA_DSA`."
    return AcceleratorError(f"CUDA error: {said}\n{advice}")


@pytest.mark.parametrize(
    ("error", "status", "note"),
    [
        (MemoryError(), "oom", "MemoryError"),
        (
            RuntimeError("[enforce fail at alloc.cpp:1] DefaultCPUAllocator: can't allocate memory: 8 bytes.\nmore"),
            "oom",
            "can't allocate memory: 8 bytes.",
        ),
        (ValueError("first\nlast"), "error", "ValueError: last"),
        (KeyError(), "error", "KeyError: KeyError"),
        (cuda("out of memory"), "oom", "CUDA error: out of memory"),
        (
            cuda("an illegal memory access was encountered"),
            "error",
            "AcceleratorError: CUDA error: an illegal memory access was encountered",
        ),
        (RuntimeError("Triton Error [CUDA]: out of memory"), "oom", "Triton Error [CUDA]: out of memory"),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            "oom",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        ),
        (
            RuntimeError("out of resource: shared memory, Required: 262144, Hardware limit: 232448."),
            "error",
            "RuntimeError: out of resource: shared memory, Required: 262144, Hardware limit: 232448.",
        ),
    ],
)
def test_a_mistake_is_an_error_and_memory_that_ran_out_is_none(error: Exception, status: str, note: str) -> None:
    assert isolate.failure(error) == isolate.Answer(status, note=note)


def test_where_no_server_forks_a_child_starts_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolate, "get_all_start_methods", lambda: ["spawn"])
    assert isolate.server.__wrapped__().get_start_method() == "spawn"
    monkeypatch.undo()
    assert isolate.server().get_start_method() == "forkserver"


ORPHAN = """
import os, signal, sys, time
from multiprocessing import get_context
from linrec_cli.profiling import isolate

def saved(number, frame):
    open(sys.argv[1], "w").close()
    os._exit(0)

def work(grace, path, pipe):
    if grace:
        sys.argv = ["", path]
        signal.signal(signal.SIGTERM, saved)
    isolate.end_with_parent(grace)
    pipe.send(os.getpid())
    time.sleep(600)

if __name__ == "__main__":
    reader, writer = get_context("spawn").Pipe(duplex=False)
    for grace in (0.0, 60.0):
        get_context("spawn").Process(target=work, args=(grace, sys.argv[1], writer)).start()
    print(reader.recv(), reader.recv(), flush=True)
    time.sleep(600)
"""


def test_children_end_when_their_parent_is_killed_and_may_save_before(tmp_path: Path) -> None:
    script, saved = tmp_path / "script.py", tmp_path / "saved"
    script.write_text(ORPHAN, "utf-8")
    with subprocess.Popen([sys.executable, str(script), str(saved)], stdout=subprocess.PIPE, text=True) as parent:
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(one.is_running() for one in children)
        assert not saved.exists()
        parent.kill()
    assert psutil.wait_procs(children, 30)[1] == []
    assert saved.exists()
