"""The room left is that of the machine and of the control group."""

from types import SimpleNamespace

import psutil
import pytest
import torch

from linrec_cli.profiling import headroom

MIB = 2**20


def test_a_group_with_a_limit_leaves_the_rest_and_cached_files_are_free(tmp_path):
    (tmp_path / "memory.max").write_text(f"{100 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{70 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MIB}\n")
    assert headroom.left_in(tmp_path, *headroom.NAMES[0]) == 50 * MIB


def test_a_group_without_a_limit_says_nothing(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1\n")
    (tmp_path / "memory.stat").write_text("anon 1\n")
    assert headroom.left_in(tmp_path, *headroom.NAMES[0]) is None
    assert headroom.left_in(tmp_path / "none", *headroom.NAMES[0]) is None


@pytest.mark.parametrize(("groups", "free"), [([], 600), ([2000, 100, 300], 60)])
def test_children_may_take_a_share_of_what_machine_and_groups_leave(monkeypatch, groups, free):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(headroom, "within_groups", lambda: groups)
    assert headroom.bytes_free("cpu") == free


def test_no_cell_gets_beyond_its_cap_and_on_a_gpu_beyond_all_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=1000))
    assert [headroom.bytes_limit(device, 7) for device in ("cpu", "cuda")] == [7, 1000]
    assert headroom.bytes_free("cuda") == 900
