"""A GPU is not waited for within a step of training: nothing is looked at, and nothing but the batch is sent."""

import json
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest
import waiting

from linrec_cli.training import fit

UNKNOWN = ["gru4rec"]
"""Models that torch cannot train on a device that it has no kernels for."""


def waited(change: dict[str, Any], planted: str = "") -> list[str]:
    """Train on a batch on the CPU; list what a GPU would be waited for."""
    sequences, parts = waiting.histories()
    state, laid = waiting.started(change, sequences, parts)
    if planted:
        waiting.plant(state, planted)
    batch = next(laid.batches(sequences))
    return waiting.waits(lambda: fit.step(state, batch), "cpu", nullcontext())


@pytest.mark.parametrize(
    "change", [*waiting.mixing(2), *waiting.others()], ids=lambda change: ",".join(map(str, change.values()))
)
def test_no_step_looks_at_what_the_device_computes(change: dict[str, Any]) -> None:
    assert waited(change) == []


@pytest.mark.parametrize("planted", [*waiting.PLANTED])
def test_what_looks_is_found(planted: str) -> None:
    assert waited({}, planted) != []


def test_a_step_on_another_device_runs_there_and_nothing_but_the_batch_is_sent() -> None:
    pytest.importorskip("torch.utils.backend_registration", reason="torch knows no device written in Python")
    done = subprocess.run([sys.executable, waiting.__file__], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert [found for case, found in said["cases"] if found and case.get("model") not in UNKNOWN] == []
    assert len(said["cases"]) > 15
    assert [name for name, found in said["planted"] if not found] == []
