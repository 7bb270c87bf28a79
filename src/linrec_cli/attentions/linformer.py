"""Linformer: keys and values projected along the sequence to a fixed number of rows."""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from linrec_cli.attentions._fused import attention
from linrec_cli.attentions._heads import Heads
from linrec_cli.catalog import Range

FORMS = ("bidirectional",)


class Attention(Heads):
    """Mix values by `softmax(Q (E^T K)^T / sqrt(D)) F^T V`, with `E` and `F [maxlen, rank]` learned.

    Row `t` of `E` and `F` belongs to position `t`; only the rows of real positions are used, so that padding
    contributes nothing. There is no causal form: each projected row holds the whole sequence. One `E` and one `F`
    serve all heads of a layer (the source's headwise sharing).

    Deviations from the source: `rank` is 32 where it has 128 and 256, as histories are shorter than documents. Both
    projections start as in the authors' code.

    Cost: `O(T R D)` operations and `O(T (R + D))` memory a head, R being `rank`.
    Source: Wang et al. 2020 (Linformer), arXiv:2006.04768.
    """

    def __init__(
        self, width: int, heads: int, causal: bool, maxlen: int, rank: Annotated[int, Range(1, 4096)] = 32
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.e, self.f = (nn.Parameter(torch.empty(maxlen, rank)) for _ in range(2))
        for weight in (self.e, self.f):
            nn.init.xavier_uniform_(weight, gain=math.sqrt(0.5))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time with the fused kernel; all `[B, H, T, D]`."""
        real = torch.arange(k.shape[2], device=k.device)[:, None] < lengths[:, None, None]
        return attention(q, project(self.e, k, real), project(self.f, v, real))

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one user at a time over its real positions."""
        users = []
        for user, size in enumerate(lengths.tolist()):
            keys = torch.einsum("tr,htd->hrd", self.e[:size].to(k.dtype), k[user, :, :size])
            values = torch.einsum("tr,htd->hrd", self.f[:size].to(v.dtype), v[user, :, :size])
            scores = torch.einsum("htd,hrd->htr", q[user], keys) / math.sqrt(q.shape[3])
            users.append(torch.einsum("htr,hrd->htd", scores.softmax(-1), values))
        return torch.stack(users)


def project(weight: Tensor, x: Tensor, real: Tensor) -> Tensor:
    """Project the positions of `x [B, H, T, D]` that are `real [B, T, 1]` to `[B, H, R, D]`."""
    # Masking the weights is cheaper than masking all heads of `x`, and one product then serves all heads.
    weight = weight[: x.shape[2]].to(x.dtype) * real
    return (weight.mT @ x.transpose(1, 2).flatten(2)).unflatten(2, (x.shape[1], -1)).transpose(1, 2)
