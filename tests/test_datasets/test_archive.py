"""Members of archives: spoilt ones are one line, unpacked ones follow their archive."""

import os
import zipfile
from pathlib import Path

import pytest

from linrec_cli.datasets import _archive
from linrec_cli.errors import DataError


def pack(path: Path, content: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside/../../rows.csv", content)
    return path


def test_a_member_is_unpacked_once_beside_the_archive_whatever_path_it_claims(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    path = pack(tmp_path / "here" / "a.zip", "1")
    unpacked = _archive.unpacked(path, "inside/../../rows.csv")
    assert unpacked == tmp_path / "here" / "rows.csv"
    assert unpacked.read_text() == "1"
    inode = unpacked.stat().st_ino
    assert _archive.unpacked(path, "inside/../../rows.csv").stat().st_ino == inode
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["a.zip", "rows.csv", "rows.csv.unpacked"]


def test_another_archive_is_unpacked_anew(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", "1")
    _archive.unpacked(path, "inside/../../rows.csv")
    pack(path, "2")
    os.utime(path, (1, 1))
    assert _archive.unpacked(path, "inside/../../rows.csv").read_text() == "2"


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_what_is_no_archive_is_one_line_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"not an archive" * 100)
    with pytest.raises(DataError, match=f"{name} cannot be read .* fetch it again"):
        _archive.unpacked(path, "rows.csv")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_member_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", "1")
    with pytest.raises(DataError, match=r"nothing\.csv"):
        _archive.text(path, "nothing.csv")


@pytest.mark.parametrize("content", ["7", "", None])
def test_what_changed_under_its_time_is_unpacked_anew(tmp_path: Path, content: str | None) -> None:
    path = pack(tmp_path / "a.zip", "1")
    target = _archive.unpacked(path, "inside/../../rows.csv")
    stamp = target.stat().st_mtime_ns
    (target if content is not None else target.with_name("rows.csv.unpacked")).write_text(content or "")
    os.utime(target, ns=(stamp, stamp))
    assert _archive.unpacked(path, "inside/../../rows.csv").read_text() == "1"
    inode = target.stat().st_ino
    assert _archive.unpacked(path, "inside/../../rows.csv").stat().st_ino == inode
