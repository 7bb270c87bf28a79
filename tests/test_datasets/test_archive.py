"""Members of archives: spoilt ones are one line, unpacked ones follow their archive."""

import io
import os
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from linrec_cli.data import unpacking
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


def zipped(path: Path, *members: tuple[str, bytes], mode: int = 0, flags: int = 0) -> Path:
    """Write a zip, whose last member may be a link or be said to be encrypted."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        archive.filelist[-1].flag_bits |= flags
    return path


def taped(path: Path, *members: tarfile.TarInfo, content: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for one in members:
            archive.addfile(one, io.BytesIO(content) if one.isfile() else None)
    return path


def entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


SPOILT = {
    "a link": (lambda p: zipped(p, ("in/rows.csv", b"/etc/hostname"), mode=0o120777), "in/rows.csv is a link"),
    "encrypted": (lambda p: zipped(p, ("in/rows.csv", b"1"), flags=1), "in/rows.csv is encrypted"),
    "two": (lambda p: zipped(p, ("in/rows.csv", b"1"), ("in/rows.csv", b"2")), "in/rows.csv stands there 2 times"),
    "another": (lambda p: zipped(p, ("in/other.csv", b"1")), "there is no in/rows.csv in it"),
    "cut": (lambda p: cut(zipped(p, ("in/rows.csv", bytes(range(256)) * 9)), 40), "File is not a zip file"),
    "too long": (lambda p: zipped(p, ("in/rows.csv", bytes(50_000))), r"unpacks to more than 12,000 bytes, for \d+ of"),
}
TAPED = {
    "a link": (lambda p: taped(p, entry("x/rows.csv", kind=tarfile.SYMTYPE, link="/etc/hostname")), "there is no"),
    "a hard link": (lambda p: taped(p, entry("x/rows.csv", kind=tarfile.LNKTYPE, link="/etc/hostname")), "there is no"),
    "another": (lambda p: taped(p, entry("x/other.csv")), "there is no rows.csv in it"),
    "cut": (lambda p: cut(taped(p, entry("x/rows.csv", 3000), content=os.urandom(3000)), 900), "ended before"),
    "too long": (lambda p: taped(p, entry("x/rows.csv", 50_000), content=bytes(50_000)), "unpacks to more than 12,000"),
    "too much before it": (
        lambda p: taped(p, entry("x/a", 50_000), entry("x/rows.csv", 50_000), content=bytes(50_000)),
        "unpacks to more than 12,000",
    ),
}


def cut(path: Path, end: int) -> Path:
    path.write_bytes(path.read_bytes()[:-end])
    return path


@pytest.mark.parametrize("case", [*((name, "zip") for name in SPOILT), *((name, "tar.gz") for name in TAPED)])
def test_what_is_not_as_it_should_be_is_one_line_and_leaves_nothing(
    case: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FLOOR", 12_000)
    monkeypatch.setattr(unpacking, "KNOWN", 1)
    name, kind = case
    make, said = (SPOILT if kind == "zip" else TAPED)[name]
    path = make(tmp_path / f"a.{kind}")
    member = "in/rows.csv" if kind == "zip" else "rows.csv"
    readers = [_archive.unpacked, _archive.text] if kind == "zip" else [_archive.unpacked]
    for read in readers:
        with pytest.raises(DataError, match=said) as caught:
            read(path, member)
        assert str(caught.value).endswith("fetch it again by linrec download --force.")
        assert "\n" not in str(caught.value)
        assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_member_of_holes_is_not_unpacked_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "FLOOR", 20_000)
    monkeypatch.setattr(unpacking, "KNOWN", 1)
    path = tmp_path / "a.tar.gz"
    sparse = entry("x/rows.csv", 512)
    sparse.pax_headers = {"GNU.sparse.size": str(10**7), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,512"}
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(sparse, io.BytesIO(b"x" * 512))
    with pytest.raises(DataError, match=r"unpacks to more than 20,000 bytes"):
        _archive.unpacked(path, "rows.csv")


def test_what_is_within_its_bounds_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(30_000)
    path = zipped(tmp_path / "a.zip", ("in/rows.csv", content))
    monkeypatch.setattr(unpacking, "FLOOR", 0)
    monkeypatch.setattr(unpacking, "KNOWN", 1)
    assert _archive.unpacked(path, "in/rows.csv").read_bytes() == content
    assert _archive.text(path, "in/rows.csv", "latin-1") == content.decode("latin-1")
