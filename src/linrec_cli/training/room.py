"""Whether a machine has room for what training keeps of a model, asked before any of it is there."""

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn

from linrec_cli import machine
from linrec_cli.errors import FaultError, UsageError

COPIES = 4
"""Of each weight: itself, its gradient, and the two moments of AdamW."""


def check(make: Callable[[], nn.Module], device: str) -> None:
    """Refuse a model that cannot fit: it is made on paper, which draws no number and takes no memory.

    Raises:
        UsageError: it takes more than all the memory that the machine, or the GPU, has.
    """
    tensors: list[Tensor] = []
    # What looks at its numbers while it is made cannot be made on paper.
    with suppress(RuntimeError, FaultError), torch.device("meta"):
        model = make()
        tensors = [*model.parameters(), *model.buffers()]
    needed = sum(x.nbytes * (COPIES if x.requires_grad else 1) for x in tensors)
    if needed > (there := memory(device)):
        count = sum(x.numel() for x in tensors if x.requires_grad)
        raise UsageError(
            f"a model of {count:,} weights takes {needed / 1e9:,.1f} GB to train, of {there / 1e9:,.1f} GB that are "
            "here; give a lower --width, --layers or --maxlen."
        )


def memory(device: str) -> int:
    """Count the bytes of the memory that is ours: the machine's, a container's, or the GPU's."""
    if device == "cuda":
        return int(torch.cuda.get_device_properties().total_memory)
    return machine.memory()
