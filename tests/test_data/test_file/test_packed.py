"""What is packed is unpacked within bounds, and once."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from logs import USUAL

from linrec_cli.data import unpacking
from linrec_cli.data.file import plain
from linrec_cli.data.file.read import read
from linrec_cli.errors import DataError


def zipped(content: bytes, name: str = "log.csv", mode: int = 0, flags: int = 0, method: int = 0) -> bytes:
    path = Path("made.zip")
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
        archive.filelist[-1].flag_bits |= flags
        archive.filelist[-1].compress_type = method or zipfile.ZIP_DEFLATED
    return path.read_bytes()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress, "zip": zipped,
}  # fmt: skip
LONG = b"user,item,time\n" + b"u1,i1,1\n" * 30_000


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("content", [LONG, LONG.replace(b",", b"  "), LONG.decode().encode("utf-16")])
def test_what_unpacks_to_too_much_says_what_to_do_instead(
    kind: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(f"log.csv.{kind}")
    path.write_bytes(PACK[kind](content))
    monkeypatch.setattr(unpacking, "FLOOR", len(content) - 1)
    monkeypatch.setattr(unpacking, "OWN", 1)
    with pytest.raises(DataError) as caught:
        read(path)
    told = f"{path} unpacks to more than {len(content) - 1:,} bytes, for {path.stat().st_size:,} of its own; "
    assert str(caught.value) == f"{told}if it is meant to, unpack it, and give the file with the events."
    monkeypatch.setattr(unpacking, "FLOOR", len(content))
    assert read(path).events.collect().height == 30_000


@pytest.mark.parametrize("kind", PACK)
def test_a_large_file_may_be_unpacked_so_many_times_its_size(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(f"log.csv.{kind}")
    path.write_bytes(PACK[kind](LONG))
    monkeypatch.setattr(unpacking, "FLOOR", 0)
    times = -(-len(LONG) // path.stat().st_size)
    monkeypatch.setattr(unpacking, "OWN", times)
    assert read(path).events.collect().height == 30_000
    monkeypatch.setattr(unpacking, "OWN", times - 1)
    with pytest.raises(DataError, match="unpacks to more than"):
        read(path)


def test_half_a_megabyte_is_not_unpacked_to_half_a_gigabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(unpacking.FLOOR, unpacking.OWN * 486_000) < 100e6
    assert max(unpacking.FLOOR, unpacking.KNOWN * 486_000) < 100e6


@pytest.mark.parametrize("outer", PACK)
@pytest.mark.parametrize("inner", PACK)
def test_what_is_packed_twice_is_refused(outer: str, inner: str) -> None:
    path = Path(f"log.{inner}.{outer}")
    path.write_bytes(PACK[outer](PACK[inner](USUAL.encode())))
    with pytest.raises(DataError, match="holds a file that is packed again; unpack it, and give the one with"):
        read(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": 0o120777}, r"log\.csv is a link"),
        ({"flags": 1}, r"log\.csv is encrypted"),
        ({"flags": 32}, "compressed patched data"),
        ({"method": 97}, "compression method is not supported"),
    ],
)
def test_a_member_that_cannot_be_read_is_one_line(options: dict[str, int], said: str) -> None:
    path = Path("log.zip")
    path.write_bytes(zipped(USUAL.encode(), **options))
    with pytest.raises(DataError, match=f"cannot be read .*{said}"):
        read(path)


def test_nothing_is_written_where_a_member_says(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path = tmp_path / "deep" / "er" / "log.zip"
    path.write_bytes(zipped(USUAL.encode(), "../../../log.csv"))
    Path("made.zip").unlink()
    assert read(path).events.collect().height > 0
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_zstandard_is_given_up_before_much_more_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("log.csv.zst")
    path.write_bytes(zstandard.compress(bytes(100 << 20)))
    sizes: list[int] = []

    class Counted(io.BytesIO):
        def write(self, block: Any) -> int:
            sizes.append(len(block))
            return len(block)

    monkeypatch.setattr(plain.tempfile, "TemporaryFile", Counted)
    monkeypatch.setattr(unpacking, "FLOOR", 1000)
    monkeypatch.setattr(unpacking, "OWN", 1)
    with pytest.raises(DataError, match="unpacks to more than"):
        plain.thawed(path)
    assert sum(sizes) < 50 << 20
