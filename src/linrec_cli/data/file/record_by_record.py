"""Text files record by record: slow, and exact about the line of every row that is not right."""

import csv
from collections import deque
from collections.abc import Iterator

from linrec_cli.data.file.dialect import Dialect, reader

Fault = tuple[int, str]
Row = tuple[int | str, ...]


def sound(file: Dialect, places: list[int], faults: list[Fault]) -> Iterator[Row]:
    """Yield line and wanted fields of the sound rows; note the others in `faults`, but for blank ones.

    After a fault reading goes on at the line after its first, so that an open quote costs one line.
    """
    with file.path.open("rb") as content:
        for _ in range(file.skip):
            content.readline()
        lines = enumerate((raw.decode("utf-8", "surrogateescape") for raw in content), file.skip + 1)
        again: deque[tuple[int, str]] = deque()
        taken: list[tuple[int, str]] = []

        def feed() -> Iterator[str]:
            while line := again.popleft() if again else next(lines, None):
                taken.append(line)
                yield line[1]

        table = reader(feed(), file.separator, file.quotes)
        while True:
            taken.clear()
            try:
                fields = next(table)
                reason = _fault(fields, places, len(file.header))
            except StopIteration:
                return
            except csv.Error as error:
                reason = f"broken quoting ({error})"
            if reason:
                faults.append((taken[0][0], reason))
                again.extendleft(reversed(taken[1:]))
                table = reader(feed(), file.separator, file.quotes)
            elif len(fields) >= len(file.header) and any(fields):
                yield (taken[0][0], *(fields[place] for place in places))


def _fault(fields: list[str], places: list[int], width: int) -> str:
    """Say what is wrong with a row; nothing where it is blank."""
    # Spreadsheets leave empty fields behind the last.
    if len(fields) < width or any(fields[width:]):
        return f"{len(fields)} fields instead of {width}" if "".join(fields).strip() else ""
    wanted = "".join([fields[place] for place in places])
    if "\n" in wanted:
        return "a quote that is never closed, or a line break inside a field"
    if not wanted.isascii() and any("\udc80" <= sign <= "\udcff" for sign in wanted):
        return "not UTF-8"
    return ""
