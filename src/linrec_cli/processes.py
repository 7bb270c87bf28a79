"""The processes that torchrun started for one run: which this one is, and what they add up and agree on.

Without torchrun there is one, and nothing is sent. What must not differ is decided by the first process.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from linrec_cli.errors import LinrecError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

PATIENCE = timedelta(minutes=10)
"""How long one that does not answer is waited for; the first one saves, and reads damaged data anew, meanwhile."""
GRACE = 1.0
"""Seconds in which one that ended can say why."""
BACKENDS = {"cpu": "gloo", "cuda": "nccl"}

_begun = False


class LostError(LinrecError):
    """Another process of the run ended, or does not answer."""


def count() -> int:
    """Count the processes of this run."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def rank() -> int:
    """Number this process among them, from 0: the first alone writes and speaks."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def here() -> int:
    """Count those that share this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if count() > 1 else 1


def noted() -> int | None:
    """Give what a table says of their number: nothing of one, as older tables do."""
    return count() if count() > 1 else None


@cache
def speaks() -> bool:
    """Tell whether this process says what went wrong: the first to ask does, so that all of them say one thing."""
    if count() == 1:
        return True
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    place, turn = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])), os.environ["TORCHELASTIC_RESTART_COUNT"]
    # Where torchrun is gone, nobody can be asked.
    with suppress(RuntimeError):
        return TCPStore(*place, is_master=False, timeout=timedelta(seconds=5)).add(f"linrec/said/{turn}", 1) == 1
    return rank() == 0


@contextmanager
def joined(device: str, *, led: bool = False) -> Iterator[None]:
    """Join the others, and leave them when all have done.

    Args:
        led: the others wait for the first to begin; where it did not, they are let go.

    Raises:
        UsageError: the device has no place for this process.
        LostError: another one does not come.
    """
    if count() == 1:
        yield
        return
    from torch import distributed

    place(device)
    with answered():
        distributed.init_process_group(BACKENDS[device], timeout=PATIENCE)
    try:
        try:
            yield
        finally:
            with suppress(LostError):
                if led and not _begun and rank() == 0:
                    begin(False)
        # Who closed its end while another still reads would be taken for lost.
        with suppress(LostError):
            anywhere(False)
    finally:
        distributed.destroy_process_group()


def place(device: str) -> None:
    """Take a GPU of this machine's for each of its processes.

    Raises:
        UsageError: there are too few, or the device is of another kind.
    """
    import torch

    if device not in BACKENDS:
        raise UsageError(f"--device {device} is for one process; leave torchrun out, or use --device cpu.")
    if device == "cuda":
        if here() > torch.cuda.device_count():
            raise UsageError(f"{torch.cuda.device_count()} GPUs for {here()} processes; lower --nproc-per-node.")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


@contextmanager
def answered() -> Iterator[None]:
    """Turn it into one line that another process is gone.

    Raises:
        LostError: it is, or has not answered in time.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error):
            raise
        # Who ended on purpose says first why.
        time.sleep(GRACE)
        wait = f"{PATIENCE.total_seconds() / 60:g} minutes"
        raise LostError(
            f"another process of the run ended, or gave no answer in {wait}; start the same command again to go on."
        ) from None


def summed(x: "Tensor") -> "Tensor":
    """Add up, in place, what all processes have."""
    if count() > 1:
        from torch import distributed

        with answered():
            distributed.all_reduce(x)
    return x


def sent(x: "Tensor") -> "Tensor":
    """Put in place, in all processes, what the first has."""
    if count() > 1:
        from torch import distributed

        with answered():
            distributed.broadcast(x, 0)
    return x


def alike(*values: float) -> tuple[float, ...]:
    """Give, in all processes, the values of the first."""
    return tuple(sent(numbers(values)).tolist()) if count() > 1 else values


def anywhere(flag: bool) -> bool:
    """Tell whether it is so in any process."""
    return bool(summed(numbers((flag,)))[0] > 0) if count() > 1 else flag


def begin(go: bool = True) -> bool:
    """Let the first process tell the others whether there is something to do, which wait for it here."""
    global _begun
    _begun = True
    return bool(alike(go)[0])


def content(own: bytes = b"") -> bytes:
    """Give, in all processes, the bytes of the first."""
    import torch

    (size,) = map(int, alike(len(own)))
    if not size or count() == 1:
        return own
    data = torch.frombuffer(bytearray(own or size), dtype=torch.uint8).to(numbers(()).device)
    return sent(data).cpu().numpy().tobytes()


def numbers(values: tuple[float, ...]) -> "Tensor":
    """Lay numbers out where the processes can exchange them."""
    import torch
    from torch import distributed

    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    return torch.tensor(values, dtype=torch.float64, device=device)
