"""What a model reads at once."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Histories of similar length, padded on the right with 0.

    Attributes:
        items: `[B, T]` items as the model may see them.
        lengths: `[B]` real positions of each row.
        targets: `[B, T]` what is predicted at each position; 0: nothing. None outside training.
        count: number of targets.
        times: `[B, T]` when the items were had, in the units of the data; None where the data have no times.
        target_times: `[B, T]` when what follows each position was had; None where that is not known, as to one who
            recommends. Only what calls itself time-aware may read it.
        places: `[count]` where targets stand in `targets.flatten()`, ascending; None where that is to be looked up in
            `targets`, for which a GPU is waited for.
        filled: places may be more than targets: the last of them stand where there is none.
    """

    items: Tensor
    lengths: Tensor
    targets: Tensor | None = None
    count: int = 0
    times: Tensor | None = None
    target_times: Tensor | None = None
    places: Tensor | None = None
    filled: bool = False


@dataclass(frozen=True)
class Window:
    """A piece of some histories as it stands in the data: what an objective makes a batch of.

    Attributes:
        items: `[B, T]`, padded on the right with 0.
        after: `[B, T]` the event that follows each, padded alike; at the end of a training part it is the first held
            out, which no objective may show or train.
        lengths: `[B]`, on the CPU.
        mask: the item that stands for a hidden one: the number of items plus 1.
        times: `[B, T]` of `items`, or None.
        target_times: `[B, T]` of `after`, or None.
    """

    items: Tensor
    after: Tensor
    lengths: Tensor
    mask: int
    times: Tensor | None = None
    target_times: Tensor | None = None


def sent(x: Tensor, device: torch.device) -> Tensor:
    """Send what stands on the CPU to a device, without waiting for a GPU."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)
