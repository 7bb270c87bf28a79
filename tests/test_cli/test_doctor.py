"""`linrec doctor` shows what there is, and leaves with 1 where something is wrong."""

import json

import pytest

from linrec_cli.cli import run
from linrec_cli.runs import doctor
from linrec_cli.runs.doctor import Check

FINE = Check("linear", "causal", "float32", 1e-6, "eager")
WRONG = Check("delta", "causal", "bfloat16", 0.3, "eager", "more than 0.04 from its formula")
FAILED = Check("lru", "causal", "float32", note="no such kernel")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """Give what is found; it can be changed."""
    checks = [FINE]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(doctor, "ceilings", lambda device, threads: ({"copy": 2e10, "matmul": 5e10}, threads == 3))
    monkeypatch.setattr(doctor, "checks", lambda device: iter(checks))
    return checks


def test_what_is_fine_is_shown_and_leaves_with_0(found: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--device", "cpu", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert "linear  causal  float32  1e-06  eager" in out
    assert "copies 20.0 GB/s, multiplies 50 GFLOP/s at best (float32, 1 thread)" in out
    assert "Others" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_others_on_the_cores_are_told(found: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--device", "cpu", "--threads", "3"]) == 0
    assert "Others use the cores now" in capsys.readouterr().out


def test_what_is_wrong_or_fails_is_named_and_leaves_with_1(
    found: list[Check], capsys: pytest.CaptureFixture[str]
) -> None:
    found += [WRONG, FAILED]
    assert run(["doctor", "--device", "cpu"]) == 1
    err = capsys.readouterr().err
    assert "delta causal bfloat16 (more than 0.04 from its formula); lru causal float32 (no such kernel);" in err
    assert "linear" not in err


def test_the_document_has_all_of_it(found: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    found.append(FAILED)
    assert run(["doctor", "--device", "cpu", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [(one["attention"], one["fine"], one["error"]) for one in document["checks"]] == [
        ("linear", True, 1e-6),
        ("lru", False, None),
    ]
    assert document["ceilings"] == {"copy": 2e10, "matmul": 5e10}
    assert document["machine"]["device"] == "cpu"
