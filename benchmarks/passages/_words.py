"""How figures are written in the documents."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

WIDTH = 120
NONE = "–"


def number(x: float, digits: int = 2) -> str:
    """Write a number without the zero before its point: `.18`, `-.05`, `1.25`."""
    # A sum with 0 turns -0.00 into 0.00.
    text = f"{round(x, digits) + 0.0:,.{digits}f}"
    return text.replace("0.", ".", 1) if abs(float(text.replace(",", ""))) < 1 else text


def times(x: float) -> str:
    """Write how many times: `1.15`, `6.5`, `57`."""
    return f"{x:,.{2 if x < 2 else 1 if x < 10 else 0}f}"


def milliseconds(seconds: float) -> str:
    """Write a time in ms with three digits at least."""
    ms = 1000 * seconds
    return f"{ms:,.{3 if ms < 1 else 2 if ms < 10 else 1 if ms < 100 else 0}f} ms"


def size(number_of_bytes: float) -> str:
    """Write bytes in KiB, MiB or GiB."""
    for unit, step in (("GiB", 2**30), ("MiB", 2**20)):
        if number_of_bytes >= step:
            scaled = number_of_bytes / step
            return f"{scaled:,.{1 if unit == 'GiB' else 0}f} {unit}"
    return f"{number_of_bytes / 1024:,.1f} KiB".replace(".0 ", " ")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table; without rows it is empty."""
    lines = ["| " + " | ".join(cells) + " |" for cells in ([*heads], ["---"] * len(heads), *rows)]
    return "\n".join(lines) if len(lines) > 2 else ""


def paragraph(*sentences: str) -> str:
    """Write sentences as lines of at most `WIDTH`; empty ones are left out."""
    text = " ".join(filter(None, sentences))
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def listed(words: Iterable[str]) -> str:
    """Write words as `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def code(word: str) -> str:
    """Write a name as code."""
    return f"`{word}`"


def place(row: dict[str, Any]) -> str:
    """Write the machine of a row: `Intel Xeon, 2 threads, torch 2.13.0`."""
    device = " ".join(re.sub(r"^cpu |\((R|TM)\)|Processor", "", row["device"]).split())
    threads = f"{row['threads']} thread{'' if row['threads'] == 1 else 's'}"
    return f"{device}, {threads}, torch {str(row['torch']).partition('+')[0]}"


def blocks(*parts: str) -> str:
    """Put parts one under another with a line between; empty ones are left out."""
    return "\n\n".join(filter(None, parts))
