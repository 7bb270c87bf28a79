"""What a batch is sent by."""

from typing import Any

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import sent


def test_what_is_sent_to_a_gpu_is_pinned_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda x: said.append("pinned") or x)
    monkeypatch.setattr(Tensor, "to", lambda x, device, **how: said.append((str(device), how)) or x)
    sent(torch.arange(3), torch.device("cuda"))
    assert said == ["pinned", ("cuda", {"non_blocking": True})]


def test_what_stays_on_the_cpu_is_neither_pinned_nor_copied() -> None:
    x = torch.arange(3)
    assert sent(x, torch.device("cpu")) is x
