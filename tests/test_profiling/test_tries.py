"""What is not tried, and why."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from linrec_cli import catalog
from linrec_cli.profiling import tries
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.isolate import Answer
from linrec_cli.settings import Profile

Group = Callable[..., list[Cell]]


def made(force: bool = False, cap: int = 0) -> tries.Tries:
    return tries.Tries(Profile(), "builder", cap=cap, force=force)


@pytest.mark.parametrize(
    ("attn", "maxlen", "force", "reason"),
    [
        ("softmax-naive", 2048, False, ""),
        ("softmax-naive", 2049, False, "it stops at 2,048; --force goes on"),
        ("softmax-naive", 2049, True, ""),
        ("softmax", 4096, False, ""),
    ],
)
def test_unfused_softmax_stops_unless_it_is_forced(
    group: Group, attn: str, maxlen: int, force: bool, reason: str
) -> None:
    assert made(force).barred(group(attn, maxlen=maxlen)[0]) == reason


def test_a_mechanism_s_own_file_says_how_far_it_is_tried(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.load("attentions", "linear"), "LONGEST", 64, raising=False)
    assert [made().barred(group("linear", maxlen=maxlen)[0])[:14] for maxlen in (64, 65)] == ["", "it stops at 64"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("oom", "oom at length 16; --force goes on"), ("timeout", "timeout at length 16; --force goes on"), ("error", "")],
)
def test_after_what_ran_out_longer_lengths_are_not_tried(group: Group, status: str, reason: str) -> None:
    for force in (False, True):
        some = made(force)
        some.end(group("a")[0], Answer(status))
        some.end(group("a", maxlen=32)[0], Answer(status))
        assert some.barred(group("a", maxlen=64)[0]) == ("" if force else reason)


@pytest.mark.parametrize(
    "other",
    [{"phase": "attention"}, {"heads": (1,)}, {"width": (128,)}, {"dtype": ("bfloat16",)}, {"model": ("bert4rec",)}],
)
def test_what_ran_out_at_one_size_is_tried_at_another(group: Group, other: dict[str, Any]) -> None:
    some = made()
    some.end(group("a")[0], Answer("oom"))
    assert some.barred(group("a", maxlen=64, **other)[0]) == ""
    assert some.barred(group("b", maxlen=64)[0]) == ""


def test_what_cannot_be_built_is_not_even_forced(group: Group) -> None:
    assert made(force=True).barred(group("linformer")[0]) == "it has no causal form, which sasrec takes"


def test_processes_have_numbers_and_only_a_cpu_s_memory_is_capped(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tries, "Child", lambda *given, cap: started.append((*given, cap)) or SimpleNamespace())
    some, (cell,), (other,) = made(cap=7), group("a"), group("a", device="cuda")
    some.start("task", cell, 5, "more")
    some.start("task", other, 5)
    assert started == [("task", cell, "builder", "more", 5), ("task", other, "builder", 0)]
    assert some.processes == 2


def test_a_file_that_is_no_mechanism_may_be_measured_all_the_same(planted: ModuleType, group: Group) -> None:
    assert made().barred(group("sleep", maxlen=10**6)[0]) == ""
