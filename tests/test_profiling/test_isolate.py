"""What a child says, or does not."""

from collections.abc import Iterator

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
