"""Scaled dot-product attention, the baseline, on torch's fused kernels."""

import math

import torch
from torch import Tensor

from linrec_cli.attentions._cache import Cached
from linrec_cli.attentions._fused import attention
from linrec_cli.errors import UsageError

FORMS = ("causal", "bidirectional")


class Attention(Cached):
    """Mix values by `softmax(Q K^T / sqrt(D)) V`.

    The causal form passes no mask: sequences are padded on the right, so causality alone keeps padding out, and a
    mask argument would drop torch off its flash kernel. With `rotary`, queries and keys are turned by their positions
    first, so that their products know how far apart two events are (Su et al. 2021, arXiv:2104.09864).

    Cost: `O(T^2 D)` operations and `O(T D)` memory a head (fused; the math path needs `O(T^2)`).
    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int, rotary: bool = False) -> None:
        super().__init__(width, heads, causal, maxlen)
        if rotary and self.size % 2:
            raise UsageError(
                f"rotary turns pairs of channels, and a head has {self.size}; choose an even width a head."
            )
        self.rotary = rotary

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions with the fused kernel; all `[B, H, T, D]`."""
        if self.rotary:
            q, k = turned(q), turned(k)
        if self.causal:
            return attention(q, k, v, causal=True)
        real = torch.arange(k.shape[2], device=k.device) < lengths[:, None]
        return attention(q, k, v, real[:, None, None])

    def newest(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix the last position, `q [B, H, 1, D]`, with the fused kernel."""
        if self.rotary:
            q, k = turned(q, k.shape[2] - 1), turned(k)
        return attention(q, k, v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of scores at once."""
        if self.rotary:
            q, k = (as_complex(part) for part in (q, k))
        # The real part of a product with a conjugate is the product of the pairs.
        scores = (q @ k.mH).real / math.sqrt(self.size)
        position = torch.arange(q.shape[2], device=q.device)
        hidden = position >= lengths[:, None, None, None]
        if self.causal:
            # A padded query keeps what it can see, so that its row of the softmax is not empty.
            hidden = position > position[:, None]
        return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v


def turned(x: Tensor, first: int = 0) -> Tensor:
    """Turn channel `i` and channel `i + D / 2` of `x [B, H, T, D]` by the angle `t 10000^(-2i / D)` at position `t`."""
    half = x.shape[3] // 2
    dtype = torch.promote_types(x.dtype, torch.float32)
    position = torch.arange(first, first + x.shape[2], device=x.device, dtype=dtype)
    speed = 10_000 ** (-torch.arange(half, device=x.device, dtype=dtype) / half)
    angle = position[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    one, other = x[..., :half], x[..., half:]
    return torch.cat([one * cos - other * sin, other * cos + one * sin], -1)


def as_complex(x: Tensor) -> Tensor:
    """Write the pairs of `x [B, H, T, D]` as complex numbers, each times `exp(i angle)`, `[B, H, T, D / 2]`."""
    length, half = x.shape[2], x.shape[3] // 2
    angles = [[t / 10_000 ** (2 * i / (2 * half)) for i in range(half)] for t in range(length)]
    return torch.complex(x[..., :half], x[..., half:]) * torch.exp(
        1j * torch.tensor(angles, dtype=x.dtype, device=x.device)
    )
