"""The room left is that of the machine and of the control group."""

from types import SimpleNamespace

import psutil
import pytest
import torch

from linrec_cli import containers
from linrec_cli.profiling import headroom


@pytest.mark.parametrize(("groups", "free"), [([], 600), ([2000, 100, 300], 60)])
def test_children_may_take_a_share_of_what_machine_and_groups_leave(monkeypatch, groups, free):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(containers, "memory_left", lambda: groups)
    assert headroom.bytes_free("cpu") == free


def test_no_cell_gets_beyond_its_cap_and_on_a_gpu_beyond_all_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=1000))
    assert [headroom.bytes_limit(device, 7) for device in ("cpu", "cuda")] == [7, 1000]
    assert headroom.bytes_free("cuda") == 900
