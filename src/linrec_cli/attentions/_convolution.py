"""The short causal convolution that mechanisms put on queries, keys and values."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

TAPS = 4


class Convolution(nn.Module):
    """Mix each channel over the latest `TAPS` positions by a filter of its own, then apply SiLU.

    It has no bias: a projection goes before, which holds one. As a recurrence its state is the last `TAPS - 1` inputs.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # By lag. Drawn as torch draws those of a convolution.
        self.filters = nn.Parameter(torch.empty(TAPS, width).uniform_(-(TAPS**-0.5), TAPS**-0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return silu(Filter.apply(x, self.filters.to(x.dtype)))

    def start(self, batch: int) -> Tensor:
        """Make the state of `batch` empty histories, `[B, TAPS - 1, C]`."""
        return self.filters.new_zeros(batch, TAPS - 1, self.filters.shape[1])

    def step(self, x: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """Take one position `x [B, 1, C]` into the state; return what `forward` gives there, `[B, 1, C]`."""
        window = torch.cat([tail, x], 1)
        return silu((window * self.filters.flip(0).to(x.dtype)).sum(1, keepdim=True)), window[:, 1:]


class Filter(torch.autograd.Function):
    """The convolution as a sum of shifted products: torch's own costs far more on a CPU, most so backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, filters: Tensor) -> Tensor:
        """Filter, keeping both inputs."""
        ctx.save_for_backward(x, filters)
        out = x * filters[0]
        for lag in range(1, TAPS):
            out[:, lag:].addcmul_(x[:, :-lag], filters[lag])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Filter from the end; correlate the gradient with the inputs."""
        x, filters = ctx.saved_tensors
        g = grads[0]
        dx, dfilters = g * filters[0], [(g * x).sum((0, 1))]
        for lag in range(1, TAPS):
            dx[:, :-lag].addcmul_(g[:, lag:], filters[lag])
            dfilters.append((g[:, lag:] * x[:, :-lag]).sum((0, 1)))
        return dx, torch.stack(dfilters)
