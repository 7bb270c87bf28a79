"""The machine a number was made on: its device, its threads, its versions."""

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from linrec_cli import __version__, containers
from linrec_cli.errors import UsageError
from linrec_cli.refusals import first

BUILT = "commit"
"""Beside the installed package: the commit it was built of."""


def cores() -> int:
    """Count the physical cores this process may use, of as much of a machine as its container has."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([psutil.cpu_count(logical=False) or allowed, allowed, *containers.processors()])


def memory() -> int:
    """Count the bytes of memory this process may use, of as much of a machine as its container has."""
    import psutil

    return min([int(psutil.virtual_memory().total), *containers.memory()])


def device(name: str) -> str:
    """Resolve `auto` to `cuda` where it is there, else to `cpu`, and check any other; on `mps` nothing was ever run.

    Raises:
        UsageError: the device is unknown or not there.
    """
    import torch

    here: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        return "cuda" if here["cuda"]() else "cpu"
    if name not in here:
        raise UsageError(f"no device '{name}'; known: auto, {', '.join(here)}.")
    if not here[name]():
        raise UsageError(f"{absent(name)}; use --device cpu or auto.")
    return name


def absent(name: str) -> str:
    """Say why a device is not there: torch was built without it, or nothing is seen of it."""
    import torch

    built = {"cuda": torch.version.cuda is not None, "mps": torch.backends.mps.is_built()}[name]
    return f"no {name} device, or no driver for it, is seen" if built else f"this build of torch has no {name}"


def dtype(name: str, device: str) -> str:
    """Resolve `auto` to bfloat16 on a CUDA GPU that computes in it, and to float32 elsewhere; give any other as it is.

    It is one rule for what is trained and what is timed, or the steps of a profile would be of no training.
    """
    import torch

    if name != "auto":
        return name
    # What is emulated is slower than float32.
    fast = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if fast else "float32"


def prepare(threads: int) -> None:
    """Fix the number of threads, keep freed memory in the process, and leave cuDNN's attention out.

    glibc hands large freed blocks back to the kernel and faults them in again at the next step, which costs a
    quarter of a training step on CPU; elsewhere than on glibc this does nothing. Blocks over 32 MiB still go back:
    kept, they would pile up, because glibc seldom finds one of them that fits again.

    cuDNN makes a plan for every shape that it has not seen, of which an epoch of training has dozens.
    """
    import torch

    torch.set_num_threads(threads)
    torch.backends.cuda.enable_cudnn_sdp(False)
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        m_trim_threshold, m_mmap_threshold = -1, -3
        mallopt(m_mmap_threshold, 2**25)
        mallopt(m_trim_threshold, 2**31 - 1)


def order(wanted: bool) -> None:
    """Let a GPU add up in an order, or not; before its first product, or cuBLAS is no longer told.

    What has no such form ends with an error that names it.
    """
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What is not yet written is not read either.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(wanted)


def said(error: BaseException) -> str:
    """Say in one line what torch, or memory, ended a run with."""
    if named := re.match(r"(\S+) does not have a deterministic implementation", str(error).strip()):
        return f"{named[1]} has no deterministic form; leave --deterministic out, or choose what does without it"
    return first(error)


def describe(device: str) -> dict[str, str]:
    """Name the device, the version of torch, and the version and commit of linrec."""
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else f"{device} {processor()}"
    return {"device": name, "torch": torch.__version__, "linrec": __version__, "commit": commit()}


def processor() -> str:
    """Name the processor as the operating system does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def commit() -> str:
    """Name the commit this code stands at, with `+` where it was changed since; empty where nobody knows."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    if not (here.parents[1] / ".git").exists():
        # Installed: what it was built of was written down then.
        return (here / BUILT).read_text("utf-8").strip() if (here / BUILT).is_file() else ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def version() -> str:
    """Name this linrec and what it runs on, in a line."""
    known = describe(device("auto"))
    at = f" at {known['commit']}" if known["commit"] else ""
    return f"linrec {known['linrec']}{at}, torch {known['torch']}, {known['device']}"
