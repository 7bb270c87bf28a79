"""How many bytes may still be taken here, so that a cell can run out of memory before the machine does."""

from pathlib import Path

SHARE = 0.6
"""Of what is available, what children may take together."""

CGROUP = Path("/sys/fs/cgroup")


def bytes_free(device: str) -> int:
    """Count the bytes that children may take together on the device."""
    if device == "cuda":
        import torch

        return int(0.9 * torch.cuda.get_device_properties().total_memory)
    import psutil

    return int(SHARE * min([psutil.virtual_memory().available, *within_groups()]))


def bytes_limit(device: str, cap: int) -> int:
    """Count the bytes that no cell gets beyond: on a GPU all it has, elsewhere the `cap` of its process."""
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties().total_memory)
    return cap


def within_groups() -> list[int]:
    """Count what each control group of this process leaves; a container's limit is not in /proc/meminfo."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            for folder in (CGROUP / controllers / path.lstrip("/"), CGROUP / controllers):
                left += [left_in(folder, *names) for names in NAMES if (folder / names[0]).is_file()]
    return [count for count in left if count is not None]


NAMES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def left_in(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    """Subtract what a group uses from its limit; files it read and no longer needs are not in use."""
    try:
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        used = int((folder / usage).read_text()) - int(stat.get(cached, 0))
        return max(0, int((folder / limit).read_text()) - used)
    except (OSError, ValueError):
        # `max` is no number: there is no limit.
        return None
