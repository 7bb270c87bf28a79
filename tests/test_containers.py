"""What control groups allow is read from files as the kernel writes them, of version 1 and of version 2."""

from pathlib import Path

import pytest

from linrec_cli import containers, machine
from linrec_cli.training import room

MIB = 2**20


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for all groups; of those that a process can be in, none limits anything."""
    monkeypatch.setattr(containers, "CGROUP", tmp_path)
    monkeypatch.setattr(containers, "OWN", tmp_path / "own")
    return tmp_path


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def read() -> tuple[list[int], list[int], list[int]]:
    return containers.memory(), containers.memory_left(), containers.processors()


def test_version_2_limits_by_every_group_from_ones_own_up(group: Path) -> None:
    (group / "own").write_text("0::/a/b\n")
    stat = f"anon 1\ninactive_file {20 * MIB}"
    write(group / "a/b", memory__max=f"{100 * MIB}", memory__current=f"{70 * MIB}", memory__stat=stat)
    write(group / "a", memory__max=f"{90 * MIB}", memory__current=f"{80 * MIB}", cpu__max="150000 100000")
    write(group, memory__max="max", memory__current="7", cpu__max="max 100000")
    write(group / "a/other", memory__max="1", memory__current="1", cpu__max="1 1")
    assert read() == ([100 * MIB, 90 * MIB], [50 * MIB, 10 * MIB], [2])


def test_version_1_limits_by_a_folder_a_controller(group: Path) -> None:
    (group / "own").write_text("4:memory:/c\n3:cpu,cpuacct:/c\n2:cpuset:/d\n1:name=systemd:/\n0::/\n")
    limit, usage = "memory__limit_in_bytes", "memory__usage_in_bytes"
    stat = f"inactive_file 1\ntotal_inactive_file {MIB}"
    write(group / "memory/c", **{limit: f"{9 * MIB}", usage: f"{5 * MIB}", "memory__stat": stat})
    write(group / "memory", **{limit: f"{2**63 - 4096}", usage: f"{2**40}"})
    write(group / "cpu,cpuacct/c", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    write(group / "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    write(group / "cpuset/d", memory__max="1", cpu__max="1 1")
    assert read() == ([9 * MIB, 2**63 - 4096], [5 * MIB, 2**63 - 4096 - 2**40], [1])


@pytest.mark.parametrize("text", ["max", "", "x", "1 2 3", "100 0"])
def test_what_is_no_limit_limits_nothing(group: Path, text: str) -> None:
    (group / "own").write_text("0::/\n")
    write(group, memory__max=text, memory__current="1", cpu__max=text)
    assert read() == ([], [], [])


def test_where_no_group_is_told_nothing_is_limited(group: Path) -> None:
    write(group, memory__max="1", memory__current="1", cpu__max="1 1")
    assert read() == ([], [], [])


def test_a_model_and_its_threads_must_fit_the_container(group: Path) -> None:
    (group / "own").write_text("0::/\n")
    write(group, memory__max=f"{5 * MIB}", memory__current="1", cpu__max="10000 100000")
    assert room.memory("cpu") == machine.memory() == 5 * MIB
    assert machine.cores() == 1
