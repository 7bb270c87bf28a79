"""What the system or a library refuses, as one line: which file, why, and what to do about it."""

import errno
import os
import re
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from linrec_cli.errors import DataError
from linrec_cli.names import shown

FULL = {errno.ENOSPC, errno.EDQUOT}
MORE = bytes(1 << 20)
"""More than the rest of a block, which may have room on a full disk."""
PANIC = "PanicException"
"""What polars raises where it gives up; no Exception."""


class RefusedError(DataError):
    """The system does not let a file be written."""


ALLOCATOR = "DefaultCPUAllocator: "
"""What torch's message of memory that ran out on a CPU says after the place in its source."""
SPENT = ("can't allocate memory", "bad_alloc", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")
"""What is said of memory that ran out, by whatever tells it: CUDA itself does so in a plain error."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system refuses into one line.

    Raises:
        RefusedError: the disk is full, or `path` cannot be written.
    """
    if odd(path):
        # Polars and safetensors would not find it.
        raise RefusedError(f"cannot write {shown(str(path))}: the name is not in UTF-8; choose another place.")
    try:
        yield
    except Exception as error:
        number = _number(error)
        if number is None and not isinstance(error, OSError):
            raise
        why = os.strerror(number) if number else " ".join(str(error).split())
        raise RefusedError(
            f"cannot write {shown(str(path))}: {why}; {remedy(number)} or choose another place."
        ) from None


@contextmanager
def asked_again(part: Path) -> Iterator[None]:
    """Have the system say itself why `part`, a file or a folder, was not written, where a library does not tell.

    Raises:
        OSError: a write of our own is refused too.
    """
    try:
        yield
    except Exception as error:
        if _number(error) is None:
            with (part / "more" if part.is_dir() else part).open("ab") as file:
                file.write(MORE)
        raise


@contextmanager
def reading(path: str | Path, way_out: str) -> Iterator[None]:
    """Turn what polars says of a file into one line, where it panics too, which it would print at length.

    Raises:
        DataError: the file is damaged.
        OSError: the system refuses it.
    """
    try:
        with _unheard():
            yield
    except BaseException as error:
        if type(error).__name__ == PANIC:
            raise DataError(f"{shown(str(path))} cannot be read (it is damaged); {way_out}.") from None
        if not type(error).__module__.startswith("polars"):
            raise
        raise DataError(f"{shown(str(path))} cannot be read ({str(error).partition(chr(10))[0]}); {way_out}.") from None


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep back what is written to stderr, and drop it where a library panics."""
    try:
        kept, own = tempfile.TemporaryFile(), os.dup(2)  # noqa: SIM115
    except OSError:
        yield
        return
    panicked = False
    with kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException as error:
            panicked = type(error).__name__ == PANIC
            raise
        finally:
            os.dup2(own, 2)
            os.close(own)
            kept.seek(0)
            with suppress(OSError):
                os.write(2, b"" if panicked else kept.read())


def full(error: BaseException) -> bool:
    """Tell whether memory ran out: an illegal access to it is another mistake."""
    known = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    return known or any(said in str(error) for said in SPENT)


def first(error: BaseException) -> str:
    """Take the first line of what is said, without the place in torch's source that stands before it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rpartition(ALLOCATOR)[2]


def place(error: BaseException, file: str = "") -> str:
    """Name the last line of linrec, or of a file of it, in the traceback of an error; empty where there is none."""
    last = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        before, ours, inner = Path(frame.f_code.co_filename).as_posix().rpartition("/linrec_cli/")
        if f"{before}{ours}{inner}".endswith(f"/{file}") if file else ours:
            last = f"{file or inner}, line {line}"
    return last


def line(error: Exception) -> str:
    """Write what the system refused and nobody expected; empty where the error is of another kind."""
    if full(error):
        return f"memory ran out ({first(error).rstrip('.')}); give less at once, or a machine that has more."
    if isinstance(error, UnicodeEncodeError) and odd(error.object):
        return f"the name {shown(error.object)} is not in UTF-8; give it another."
    number, name = _number(error), getattr(error, "filename", None)
    if number is None or (name is None and number not in FULL):
        return ""
    what = f"cannot use {shown(str(name))}" if name is not None else "cannot write"
    return f"{what}: {os.strerror(number)}; {remedy(number)} and start the same command again."


def odd(name: str | Path) -> bool:
    """Tell whether a name is not in UTF-8."""
    return re.search("[\ud800-\udfff]", str(name)) is not None


def remedy(number: int | None) -> str:
    """Say what helps against a refusal."""
    return "free some room" if number in FULL else "mend that"


def _number(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno:
        return error.errno
    # Polars and safetensors tell the system's error in words alone.
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if told else None
