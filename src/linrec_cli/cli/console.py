"""What the user sees: tables and JSON on stdout, talk and progress on stderr; no name in it steers the terminal."""

import functools
import json
import os
import sys
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from linrec_cli import processes
from linrec_cli.names import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task
    from rich.table import Table

BESIDE = 2
"""Blanks beside a cell."""
LEAST = 12
"""Letters that a cell of text has in a line at least, of so many as it has."""
NAME = 20
"""Letters of a word that fit in a column of a table; a mechanism with options may have more."""
WIDEST = 32
"""Letters of a mechanism, or of one of its options, that are never torn apart."""
PYTHONS = warnings.formatwarning


@functools.cache
def stream(stderr: bool) -> "Console":
    """Open the console on stdout or stderr; colour only on a terminal and without NO_COLOR."""
    from rich.console import Console

    class Piped(Console):
        """A console that goes on where whoever read it has left: the exit code is still to come."""

        def on_broken_pipe(self) -> None:
            nowhere(stderr)

    return Piped(stderr=stderr, highlight=False, soft_wrap=False)


def put(*texts: str, end: str = "\n") -> None:
    """Write lines to stdout; where whoever read it has left, go on: the exit code is still to come."""
    try:
        print(*texts, sep="\n", end=end)
    except BrokenPipeError:
        nowhere()


def line(text: str = "") -> None:
    """Write a line to stdout."""
    put(shown(text))


def page(text: str) -> None:
    """Write lines, each with its end, to stdout."""
    put(*map(shown, text.split("\n")), end="")


def answer(text: str) -> None:
    """Write a line to stdout at once, as it is: its parts are clean, and a tab may part them."""
    print(text, flush=True)


def say(message: str) -> None:
    """Write one line of talk to stderr, wrapped at the terminal's width only where it is a terminal."""
    if not processes.rank():
        stream(True).print(shown(message), markup=False, emoji=False, soft_wrap=not sys.stderr.isatty())


def sentences(texts: Iterable[str]) -> None:
    """Print sentences to stdout, a line each; on a terminal at its width, what follows set in."""
    wide = stream(False).width if sys.stdout.isatty() else sys.maxsize
    for text in map(shown, texts):
        put(textwrap.fill(text, wide, subsequent_indent="    ") if len(text) > wide else text)


def nowhere(stderr: bool = False) -> None:
    """Send what is still written to stdout, or stderr, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2 if stderr else 1)


def fail(message: str) -> None:
    """Write one line that says what went wrong to stderr; of several processes one does."""
    if processes.speaks():
        print(f"linrec: {shown(message)}", file=sys.stderr)


def warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Write a warning as Python does; one of linrec's own, which is of the file `linrec`, as an error is."""
    if filename == "linrec":
        return f"linrec: {shown(str(message))}\n"
    return PYTHONS(message, category, filename, lineno, line)


def document(content: Any) -> None:
    """Write one JSON document to stdout; a number that is not finite becomes null."""
    put(json.dumps(finite(content), indent=2, default=str))


def finite(content: Any) -> Any:
    """Replace what JSON cannot say (NaN and the infinities) by null, at any depth."""
    if isinstance(content, dict):
        return {str(key): finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not abs(content) < float("inf") else content


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> None:
    """Print a table to stdout."""
    from rich.text import Text

    console, lines = stream(False), [[shown(str(cell)) for cell in row] for row in rows]
    widest = sum(max(map(len, column)) + BESIDE for column in zip(columns, *lines, strict=True))
    view = grid(title, columns, lines, longest=NAME if widest <= console.width else LEAST)
    fit(view, console.width)
    # Beyond the edge a line is broken, and read; what is cropped looks whole.
    console.width = max(console.width, sum((column.width or 0) + BESIDE for column in view.columns))
    console.print(view)
    if caption:
        # Below and not inside: a narrow table would make it a column of words.
        stream(False).print(Text(shown(caption)))


def fit(view: "Table", room: int) -> None:
    """Give columns the width they have, the widest less for as long as they do not fit, none less than it must have."""
    cells = [[column.header, *column.cells] for column in view.columns]
    width = [max(len(line) for cell in own for line in str(cell).split("\n")) for own in cells]
    least = [column.min_width or 0 for column in view.columns]
    for _ in range(sum(width) + BESIDE * len(width) - room):
        wide = [number for number, most in enumerate(width) if most > least[number]]
        if not wide:
            break
        width[max(wide, key=width.__getitem__)] -= 1
    for column, most in zip(view.columns, width, strict=True):
        column.width = most


def grid(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], longest: int = NAME) -> "Table":
    """Lay out a table; a column whose cells all start with a digit, a sign or a dash is set right.

    Args:
        longest: letters from which on a mechanism is broken before its options.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [[shown(str(cell)) for cell in row] for row in rows]
    view = Table(title=Text(shown(title)), box=SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    for index, name in enumerate(columns):
        number = all(row[index][:1] in "0123456789-+.–" for row in cells)
        # A number stays in one line; what is text may have several, but a mechanism is broken at its colons alone.
        most = max((len(row[index]) for row in cells), default=0)
        names = max((len(word) for row in cells if "=" in row[index] for word in parted(row[index], longest).split()),
                    default=0)  # fmt: skip
        view.add_column(
            Text(shown(name)), justify="right" if number else "left", overflow="fold", no_wrap=number,
            min_width=most if number else max(min(most, LEAST), min(names, WIDEST)),
        )  # fmt: skip
    for row in cells:
        view.add_row(*(Text(parted(cell, longest)) for cell in row))
    return view


def parted(cell: str, longest: int) -> str:
    """Break a mechanism with options, if it is longer than that, where an option begins."""
    return cell.replace(":", ":\n") if len(cell) > longest and "=" in cell and " " not in cell else cell


def progress(*columns: "str | ProgressColumn") -> "Progress":
    """Make a progress display on stderr; it shows nothing where there is no terminal."""
    from rich.progress import Progress

    return Progress(
        *columns, console=stream(True), transient=True, disable=not sys.stderr.isatty() or processes.rank() > 0
    )


def described() -> "ProgressColumn":
    """Make the column that says what a task is, letter for letter."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Described(ProgressColumn):
        """What a task is."""

        def render(self, task: "Task") -> Text:
            return Text(shown(task.description))

    return Described()


def size(count: float) -> str:
    """Write a number of bytes for a person: `5.9 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def duration(seconds: float) -> str:
    """Write a time span for a person: `42 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
