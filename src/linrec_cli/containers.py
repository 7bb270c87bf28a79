"""What the control groups of this process, as a container has them, leave it of memory and processors.

A container's limits are not in what the machine says of itself. Source: cgroups(7), versions 1 and 2.
"""

import math
from collections.abc import Iterator
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
MEMORY = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Files of the limit and of what is in use, and what of the latter is files that were read: of either version."""


def folders(controller: str) -> Iterator[Path]:
    """List the folders of the groups that limit this process, from its own up to the root's."""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            own = Path(path.lstrip("/"))
            yield from (CGROUP / controllers / part for part in (own, *own.parents))


def memory() -> list[int]:
    """Count the bytes that each group allows."""
    return [
        limit for folder in folders("memory") for name, *_ in MEMORY if (limit := number(folder / name)) is not None
    ]


def memory_left() -> list[int]:
    """Count the bytes that each group still leaves."""
    left = (left_in(folder, *names) for folder in folders("memory") for names in MEMORY)
    return [count for count in left if count is not None]


def left_in(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    """Subtract what a group uses from its limit; files it read and no longer needs are not in use."""
    allowed, used = number(folder / limit), number(folder / usage)
    if allowed is None or used is None:
        return None
    try:
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        stat = {}
    return max(0, allowed - used + int(stat.get(cached, 0)))


def number(path: Path) -> int | None:
    """Read a number; `max` is none: there is no limit."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def processors() -> list[int]:
    """Count the processors that each group allows, a part of one as one."""
    return [math.ceil(share) for folder in folders("cpu") if (share := share_of(folder)) is not None]


def share_of(folder: Path) -> float | None:
    """Divide the time that a group has of processors by the time that passes."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        share = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
    # Version 1 says -1 where there is no limit.
    return share if share > 0 else None
