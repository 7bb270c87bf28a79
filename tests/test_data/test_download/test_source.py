"""How the right file is told from any other."""

import hashlib
from pathlib import Path

import pytest

from linrec_cli.data.download.source import Package, Source, mismatch

CONTENT = b"abc"
MD5, SHA256 = (f"{name}:{hashlib.new(name, CONTENT).hexdigest()}" for name in ("md5", "sha256"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


@pytest.mark.parametrize("digest", [MD5, SHA256])
@pytest.mark.parametrize("size", [3, None])
def test_the_right_file_is_right_by_whatever_digest(digest: str, size: int | None, path: Path) -> None:
    assert mismatch(path, Source("https://x.invalid/file", digest, size)) == ""


def test_a_wrong_size_is_told_before_anything_is_read(path: Path) -> None:
    assert mismatch(path, Source("https://x.invalid/file", "nonsense", 4)) == "3 bytes instead of 4"


def test_wrong_bytes_are_told_by_the_start_of_both_digests(path: Path) -> None:
    path.write_bytes(b"abd")
    told = mismatch(path, Package("toy==1", "toy.whl", MD5, 3))
    assert told == f"md5 {hashlib.md5(b'abd').hexdigest()[:12]}... instead of 900150983cd2..."


def test_a_source_is_named_by_its_host_and_its_file_by_the_address() -> None:
    source = Source("https://host.invalid:81/deep/file.zip?download=1", SHA256)
    assert (source.label, source.filename) == ("host.invalid:81", "file.zip")
    assert Package("toy==1", "toy.whl", SHA256, 3).label == "package toy==1"
