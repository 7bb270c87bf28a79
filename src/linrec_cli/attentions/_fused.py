"""Torch's fused attention, within what its kernels for CUDA take."""

import warnings

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

MOST = {"cuda": 65_535}
"""Sequences times heads that a kernel takes at once, by device: more are no valid grid."""
MULTIPLE = {"cuda": 4}
"""What the channels of a head must be a multiple of in float32, by device, for a fused kernel to take them."""
WARNED: set[int] = set()
"""Channels of a head that were warned of."""


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False, scale: float | None = None
) -> Tensor:
    """Mix values by `softmax(scale Q K^T) V`, all `[B, H, T, D]`, of very many sequences some after the others.

    Where no fused kernel takes them, so that memory is quadratic in `T`, it warns once.
    """
    kind, (size, heads, _, width) = q.device.type, q.shape
    if q.dtype == torch.float32 and width % MULTIPLE.get(kind, 1) and width not in WARNED:
        WARNED.add(width)
        said = f"float32 heads of {width} channels run on torch's quadratic kernel on {kind}"
        # Of no file, so that it is one line.
        warnings.warn_explicit(
            f"{said}; give each a multiple of {MULTIPLE[kind]}, or take bfloat16.", UserWarning, "linrec", 0
        )
    if kind not in MOST or size <= MOST[kind] // heads:
        return scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)
    most, mixed = max(1, MOST[kind] // heads), []
    for first in range(0, size, most):
        part = slice(first, first + most)
        own = mask[part] if mask is not None and mask.shape[0] == size else mask
        mixed.append(
            scaled_dot_product_attention(q[part], k[part], v[part], attn_mask=own, is_causal=causal, scale=scale)
        )
    return torch.cat(mixed)
