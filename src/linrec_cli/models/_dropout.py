"""Dropout that costs a byte of randomness an element on CPU, where torch's own draws a float for each."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout


class Dropout(nn.Module):
    """Zero elements with probability `p` and rescale the rest; on CPU `p` is rounded to 1/256, and rescaled by that."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p, self.dropped = p, round(256 * p)

    def forward(self, x: Tensor) -> Tensor:
        """Drop from `x` while training."""
        if not self.training or self.dropped == 0:
            return x
        if x.device.type != "cpu":
            return dropout(x, self.p)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * kept * (256 / (256 - self.dropped))
