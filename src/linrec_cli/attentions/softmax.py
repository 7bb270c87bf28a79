"""Scaled dot-product attention, the baseline, on torch's fused kernels."""

import math

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from linrec_cli.attentions._cache import Cached

FORMS = ("causal", "bidirectional")


class Attention(Cached):
    """Mix values by `softmax(Q K^T / sqrt(D)) V`.

    The causal form passes no mask: sequences are padded on the right, so causality alone keeps padding out, and a
    mask argument would drop torch off its flash kernel.

    Cost: `O(T^2 D)` operations and `O(T D)` memory a head (fused; the math path needs `O(T^2)`).
    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions with the fused kernel; all `[B, H, T, D]`."""
        if self.causal:
            return scaled_dot_product_attention(q, k, v, is_causal=True)
        real = torch.arange(k.shape[2], device=k.device) < lengths[:, None]
        return scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None])

    def newest(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix the last position, `q [B, H, 1, D]`, with the fused kernel."""
        return scaled_dot_product_attention(q, k, v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of scores at once."""
        scores = q @ k.mT / math.sqrt(q.shape[3])
        position = torch.arange(q.shape[2], device=q.device)
        hidden = position >= lengths[:, None, None, None]
        if self.causal:
            # A padded query keeps what it can see, so that its row of the softmax is not empty.
            hidden = position > position[:, None]
        return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v
