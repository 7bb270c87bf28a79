"""Efficient attention: softmax of queries over features, softmax of keys over the sequence."""

import torch
from torch import Tensor

from linrec_cli.attentions._heads import Heads

FORMS = ("bidirectional",)


class Attention(Heads):
    """Mix values by `softmax(Q) (softmax(K)^T V)`, for queries over features and for keys over the sequence.

    Each of the `D` key features is a set of weights over the positions, which sums to one; each query says how much it
    takes of which. Nothing is divided by `sqrt(D)`. There is no causal form: the softmax over the sequence sees all.

    Deviations from the source: padding has no weight in the softmax over the sequence, which the source, made for
    images, need not say.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head.
    Source: Shen et al. 2021 (efficient attention, WACV), arXiv:1812.01243.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, both softmaxes in at least float32."""
        # One copy each here saves one at every product.
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        dtype = torch.promote_types(k.dtype, torch.float32)
        hidden = (torch.arange(k.shape[2], device=k.device) >= lengths[:, None])[:, None, :, None]
        # The lowest number, not -inf, so that a row of padding alone stays finite.
        k = k.to(dtype).masked_fill(hidden, torch.finfo(dtype).min).softmax(2)
        return q.softmax(3, dtype=dtype).to(v.dtype) @ (k.to(v.dtype).mT @ v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula: the `T x T` matrix of weights, one sequence at a time."""
        rows = []
        for queries, keys, values, length in zip(q, k, v, lengths, strict=True):
            real = torch.arange(k.shape[2], device=k.device) < length
            e = (keys - keys[:, real].amax(1, keepdim=True)).clamp(max=0).exp() * real[:, None]
            weights = queries.softmax(2) @ (e / e.sum(1, keepdim=True)).mT
            rows.append(weights @ values)
        return torch.stack(rows)
