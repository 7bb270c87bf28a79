"""Whatever a log is packed or written in, as a plain file: Parquet, or text in UTF-8 whose separator is one byte."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from linrec_cli.data import unpacking
from linrec_cli.errors import DataError

HEAD = 1 << 16
BLOCK, LITTLE = 1 << 22, 1 << 10
BY_HAND = "if it is meant to, unpack it, and give the file with the events"
UNIT = "\x1f"
"""Stands for `::`, which is two bytes."""
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
PACKED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zst", b"PK\x03\x04": "zip",
          b"PK\x05\x06": "zip"}  # fmt: skip


@contextmanager
def opened(path: Path, room: Path) -> Iterator[Path]:
    """Give a plain file of the same content: the file itself, or a copy in the folder `room`.

    Raises:
        DataError: it is damaged, or of no kind that can be read.
    """
    kind = packing(path)
    if not kind:
        with path.open("rb") as file:
            yield rewritten(file, path, room) or path
        return
    with unpacking.bounded(unpacked(path, kind), path, unpacking.OWN, BY_HAND) as file:
        copy = rewritten(file, path, room)
        if copy is None:
            copy = room / "plain"
            with copy.open("wb") as out:
                shutil.copyfileobj(file, out, BLOCK)
    if packing(copy):
        raise DataError(f"{path} holds a file that is packed again; unpack it, and give the one with the events.")
    yield copy


def packing(path: Path) -> str:
    """Tell how a file is packed; empty where it is not."""
    first = start(path)
    return next((kind for sign, kind in PACKED.items() if first.startswith(sign)), "")


def start(path: Path) -> bytes:
    """Read the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(8)


def unpacked(path: Path, kind: str) -> IO[bytes]:
    """Open what is packed; the stream can be set back to its begin."""
    if kind == "zst":
        return thawed(path)
    if kind == "zip":
        return member(path)
    ways: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    return cast(IO[bytes], ways[kind](path))


def thawed(path: Path) -> IO[bytes]:
    """Unpack Zstandard, frame after frame.

    Raises:
        EOFError: the last one is cut.
        DataError: it is too much.
    """
    import zstandard

    most = unpacking.most(path, unpacking.OWN)
    with ExitStack() as undone:
        copy: IO[bytes] = undone.enter_context(tempfile.TemporaryFile())
        with path.open("rb") as file:
            frame = zstandard.ZstdDecompressor().decompressobj()
            # A little at a time, as each byte may stand for tens of thousands.
            while block := file.read(LITTLE):
                while block:
                    try:
                        most -= copy.write(frame.decompress(block))
                    except zstandard.ZstdError as error:
                        raise EOFError(str(error)) from None
                    if most < 0:
                        raise DataError(unpacking.too_much(path, unpacking.OWN, BY_HAND))
                    block = frame.unused_data if frame.eof else b""
                    frame = zstandard.ZstdDecompressor().decompressobj() if block else frame
        if not frame.eof:
            raise EOFError("it ends within a frame")
        copy.seek(0)
        undone.pop_all()
    return copy


def member(path: Path) -> IO[bytes]:
    """Open the one file of an archive.

    Raises:
        DataError: there is none, or there are several.
    """
    archive = zipfile.ZipFile(path)
    names = [one.filename for one in archive.infolist() if not one.is_dir() and not hidden(one.filename)]
    if any(name.startswith("xl/") for name in names):
        raise DataError(f"{path} is a spreadsheet; save its sheet as CSV.")
    if len(names) != 1:
        shown = (
            f"{len(names)} files ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" if names else "no file"
        )
        raise DataError(f"{path} holds {shown}; unpack it, and give the one with the events.")
    if why := unpacking.flaw(archive, names[0]):
        raise DataError(f"{path} cannot be read ({why}); unpack it, and give the file with the events.")
    return archive.open(names[0])


def hidden(name: str) -> bool:
    """Tell whether an archive's entry is of the system that packed it."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def rewritten(file: IO[bytes], path: Path, room: Path) -> Path | None:
    """Write a text plainly: without a byte order mark, `::` or runs of blanks; None where it is plain."""
    head = file.read(HEAD)
    file.seek(0)
    if head[257:262] == b"ustar":
        raise DataError(f"{path} is a tar archive; unpack it, and give the file with the events.")
    code = UTF16.get(head[:2], "") or ("utf-8" if head.startswith(codecs.BOM_UTF8) else "")
    text = head.decode(code or "utf-8", "replace") if head[:4] != b"PAR1" else ""
    lines = text.splitlines()[:100]
    # `::` and blanks part fields only where nothing else does: in an id they are letters.
    alone = not any(sign in line for line in lines for sign in ",\t;|")
    double = alone and bool(lines) and all("::" in line for line in lines if line.strip())
    runs = alone and not double and "  " in text
    if not (code or double or runs):
        return None
    copy = room / "plain"
    with copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
        source = io.TextIOWrapper(cast(Any, file), code or "utf-8", "surrogateescape", newline="")
        while block := "".join(source.readlines(BLOCK)):
            block = block.removeprefix("\ufeff").replace("::", UNIT) if double else block.removeprefix("\ufeff")
            out.write(re.sub(r"(?m)^ +| +(?=\r?$)", "", re.sub(" {2,}", " ", block)) if runs else block)
        source.detach()
    return copy
