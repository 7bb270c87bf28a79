"""What torch.compile did is told by torch's own counters; here with its backend that only traces."""

import os
from dataclasses import replace

import pytest
import torch

from linrec_cli.phases import compile as compiling
from linrec_cli.profiling.cell import cells
from linrec_cli.profiling.work import Work
from linrec_cli.settings import Profile

(CELL,) = next(cells(Profile(attn=("linear",), maxlen=(8,), phase=("compile",))))


def plain(x):
    return x.sin() + 1


def broken(x):
    x = x.sin()
    torch._dynamo.graph_break()
    return x + 1


def measured(function, tmp_path, monkeypatch, tiny=lambda: None):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    torch._dynamo.reset()
    work = Work({"compile": lambda: function(torch.ones(4))}, tiny=tiny, bare=lambda: None, flushed=False)
    return compiling.measure(CELL, lambda cell: work, str(tmp_path))


@pytest.mark.parametrize(
    ("function", "kernel", "note"),
    [
        (torch.compile(plain, backend="eager"), "inductor", ""),
        (torch.compile(broken, backend="eager"), "eager,inductor", "fell back in part, 1 graph breaks: "),
        (plain, "eager", "fell back: nothing was compiled"),
    ],
)
def test_the_first_run_is_timed_and_a_fall_back_is_told(function, kernel, note, tmp_path, monkeypatch):
    child = measured(function, tmp_path, monkeypatch)
    assert next(child) is None
    seconds, ran, why = child.send(None)
    assert seconds > 0
    assert ran == kernel
    assert why.startswith(note)
    assert bool(why) == bool(note)


def test_threads_are_those_asked_for_and_the_cache_is_an_empty_one(tmp_path, monkeypatch):
    import torch._inductor.config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.setattr(torch._inductor.config, "compile_threads", 7)
    seen = []

    def build(cell):
        seen.extend([torch.get_num_threads(), torch._inductor.config.compile_threads])
        cache = lambda: seen.append(os.environ["TORCHINDUCTOR_CACHE_DIR"])  # noqa: E731
        return Work({"compile": cache}, tiny=lambda: None, bare=lambda: None, flushed=False)

    child = compiling.measure(replace(CELL, threads=3), build, str(tmp_path))
    assert next(child) is None
    next(child)
    # Compiling in this process alone.
    assert seen == [3, 1, str(tmp_path)]


@pytest.mark.parametrize(
    "said",
    [
        "InvalidCxxCompiler: No working C++ compiler found",
        "RuntimeError: Failed to find C compiler. Please specify via CC environment variable.",
    ],
)
def test_no_compiler_is_a_reason_and_any_other_mistake_an_error(tmp_path, monkeypatch, said):
    def missing():
        raise ValueError(f"{said}\n\nSet TORCHDYNAMO_VERBOSE=1")

    def wrong():
        raise ValueError("the mistake\n\nSet TORCHDYNAMO_VERBOSE=1")

    reason = next(measured(plain, tmp_path, monkeypatch, missing))
    assert reason.startswith("torch.compile finds nothing to compile with; install a compiler")
    with pytest.raises(RuntimeError, match=r"^ValueError: the mistake$"):
        next(measured(plain, tmp_path, monkeypatch, wrong))
