"""The norm that mechanisms put on what a head has mixed."""

import torch
from torch import Tensor
from torch.nn.functional import silu


def normed(x: Tensor, eps: float) -> Tensor:
    """Divide `x [..., D]` by its root mean square over features, in at least float32.

    It has no weights: a projection follows, which holds them.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    # Scaled to 1, with the epsilon along, so that the squares of large values do not overflow.
    top = x.detach().abs().amax(-1, keepdim=True).clamp(min=1)
    x = x / top
    return x * (x.square().mean(-1, keepdim=True) + eps / top / top).rsqrt()


def gated(mixed: Tensor, gate: Tensor, eps: float) -> Tensor:
    """Norm each head of `mixed [B, H, T, D]`, put them side by side and multiply by `silu(gate)`: `[B, T, C]`."""
    return normed(mixed, eps).to(gate.dtype).transpose(1, 2).flatten(2) * silu(gate)
