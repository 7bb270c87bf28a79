"""A digest within each file that is read again, so that what changed since it was written is noticed.

It stands in the file and not beside it: whatever replaces, copies or merges files takes it along, and no crash
between two writes can part them. Files without one are of an older linrec, and pass.
"""

import hashlib
import io
from pathlib import Path
from typing import BinaryIO

FRONT, BACK = b"linrec-sha256:", b":sealed-by-linrec"
"""What stands around the digits; of a seal that is damaged itself one of them is left."""
ZEROS = b"0" * 64
"""What stands for the digits while the file is digested."""
BLANK = (FRONT + ZEROS + BACK).decode()
"""What a file that is to be sealed holds once."""
LONG, PIECE = len(BLANK), 1 << 16


def seal(path: Path) -> None:
    """Write the digest into a file that holds `BLANK`."""
    with path.open("r+b") as file:
        place, _, digits = _read(file)
        file.seek(place)
        file.write(digits)


def sealed(text: str) -> str:
    """Give a text that holds `BLANK` with its digest."""
    _, _, digits = _read(io.BytesIO(text.encode()))
    return text.replace(BLANK, (FRONT + digits + BACK).decode())


def check(path: Path) -> None:
    """Make sure, before a file is parsed, that it is as it was written.

    Raises:
        OSError: it cannot be read.
        ValueError: it changed.
    """
    with path.open("rb") as file:
        _compare(file)


def whole(path: Path) -> bool:
    """Tell whether a file can be read and is as it was written."""
    try:
        check(path)
    except (OSError, ValueError):
        return False
    return True


def read(path: Path) -> str:
    """Read a text that is as it was written, but for how its lines end: git may have changed that.

    Raises:
        OSError: it cannot be read.
        ValueError: it changed, is empty, or not in UTF-8.
    """
    text = path.read_text("utf-8")
    if not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
        raise ValueError("it is empty")
    _compare(io.BytesIO(text.encode()))
    return text


def _compare(file: BinaryIO) -> None:
    place, told, digits = _read(file)
    if place >= 0 and told != digits:
        raise ValueError("it changed since it was written")


def _read(file: BinaryIO) -> tuple[int, bytes, bytes]:
    """Give where the digits of a seal stand, what they are, and what they should be; without a seal -1 and nothing."""
    content, place, told = hashlib.sha256(), -1, b""
    rest, passed = b"", 0
    while piece := file.read(PIECE):
        rest += piece
        if not told and (here := _place(rest)) >= 0:
            place, told = passed + here, rest[here : here + len(ZEROS)]
            rest = rest[:here] + ZEROS + rest[here + len(ZEROS) :]
        # A seal may lie across two pieces.
        content.update(rest[:-LONG])
        passed += max(0, len(rest) - LONG)
        rest = rest[-LONG:]
    content.update(rest)
    return place, told, content.hexdigest().encode()


def _place(some: bytes) -> int:
    """Find where all digits of a seal stand; -1 where they do not."""
    front, back = some.find(FRONT), some.find(BACK)
    place = front + len(FRONT) if front >= 0 else back - len(ZEROS)
    return place if 0 <= place <= len(some) - len(ZEROS) else -1
