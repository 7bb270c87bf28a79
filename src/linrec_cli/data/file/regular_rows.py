"""How many rows a text file has, if each is one line of as many fields as the header, quoted as it should be.

polars fills short rows with nulls and skips columns that nobody wants, so it cannot be asked.
"""

import numpy as np
import numpy.typing as npt

from linrec_cli.data.file.dialect import Dialect

BLOCK = 1 << 22
NEWLINE, RETURN, QUOTE = b'\n\r"'

Mask = npt.NDArray[np.bool_]


def count(file: Dialect) -> int | None:
    """Count the rows of a regular file; None where one row is not."""
    width, lines, last, inside = len(file.header), 0, NEWLINE, False
    rest = np.zeros(0, np.bool_)
    with file.path.open("rb") as content:
        for _ in range(file.skip):
            content.readline()
        while block := content.read(BLOCK):
            # The byte before is carried along, so that neighbours across the border are seen too.
            signs = np.frombuffer(bytes([last]) + block, np.uint8)
            ends = signs == NEWLINE
            marks = ends | (signs == ord(file.separator))
            if (RETURN in block or last == RETURN) and _lone_return(signs, ends):
                return None
            if file.quotes and (inside or QUOTE in block or last == QUOTE):
                within = _within(signs, inside)
                if (ends & within)[1:].any() or not _well_quoted(signs, marks, within):
                    return None
                inside, marks = bool(within[-1]), marks & ~within
            rest = np.concatenate([rest, ends[1:][marks[1:]]])
            if not _periodic(rest, width):
                return None
            rest = rest[len(rest) // width * width :]
            lines, last = lines + int(ends[1:].sum()), block[-1]
    if last != NEWLINE:
        lines, rest = lines + 1, np.append(rest, True)
    return lines if not inside and last != RETURN and len(rest) % width == 0 and _periodic(rest, width) else None


def _periodic(row_ends: Mask, width: int) -> bool:
    """Tell whether, of the marks that part fields or rows, every `width`-th ends a row, and no other."""
    whole = row_ends[: len(row_ends) // width * width].reshape(-1, width)
    return bool(whole[:, -1].all() and not whole[:, :-1].any())


def _lone_return(signs: npt.NDArray[np.uint8], ends: Mask) -> bool:
    return bool(((signs == RETURN)[:-1] & ~ends[1:]).any())


def _within(signs: npt.NDArray[np.uint8], inside: bool) -> Mask:
    """Find the bytes after which the text is quoted; `inside` is whether it is after the first."""
    flips = signs == QUOTE
    flips[0] = inside
    return np.logical_xor.accumulate(flips)


def _well_quoted(signs: npt.NDArray[np.uint8], marks: Mask, within: Mask) -> bool:
    """Tell whether quotes open where a field begins and close where it ends, or stand doubled inside."""
    quotes = signs == QUOTE
    edge = marks | quotes
    opened_after = edge[:-1][(quotes & within)[1:]]
    closed_before = (edge | (signs == RETURN))[1:][(quotes & ~within)[:-1]]
    return bool(opened_after.all() and closed_before.all())
