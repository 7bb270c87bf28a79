"""Scaled dot-product attention in separate steps, as it was before fused kernels."""

import math

import torch
from torch import Tensor

from linrec_cli.attentions._cache import Cached

FORMS = ("causal", "bidirectional")
LONGEST = 2_048
"""Positions beyond which it is measured only when told to: it holds whole matrices of scores."""


class Attention(Cached):
    """Mix values by `softmax(Q K^T / sqrt(D) + mask) V`, each step an operation of its own.

    It exists because published speed-ups of linear recommenders, LinRec's among them, were measured against this: the
    attention of RecBole's SASRec, which writes the scores, their scaled copy, their masked copy and the weights to
    memory. Its row beside `softmax`, the same function on a fused kernel, says how much of a speed-up is fusion.

    Deviations from RecBole: the mask adds minus infinity where RecBole adds -10,000, which large scores outweigh; it is
    `[T, T]` or `[B, T]`, where RecBole keeps a `[B, T, T]` one; attention weights are not dropped out.

    Cost: `O(T^2 D)` operations and `O(T^2)` memory a head.
    Source: Kang & McAuley 2018 (SASRec, ICDM), arXiv:1808.09781, in RecBole's form, arXiv:2011.01731.
    """

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions one operation at a time; all `[B, H, T, D]`."""
        # Each step makes a new tensor on purpose: in place, or fused, it would no longer be that baseline.
        scores = q @ k.mT
        scores = scores / math.sqrt(q.shape[3])
        scores = scores + self.mask(scores, lengths)
        return scores.softmax(-1) @ v

    def newest(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix the last position, `q [B, H, 1, D]`, which sees all, one operation at a time."""
        scores = q @ k.mT
        scores = scores / math.sqrt(q.shape[3])
        return scores.softmax(-1) @ v

    def mask(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Make what is added to `scores`: 0 where a query may look, minus infinity elsewhere."""
        length = scores.shape[3]
        if self.causal:
            return scores.new_full((length, length), -math.inf).triu(1)
        hidden = torch.arange(length, device=scores.device) >= lengths[:, None]
        return scores.new_zeros(hidden.shape).masked_fill(hidden, -math.inf)[:, None, None]

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one user and one query at a time over the keys that it may see."""
        users = []
        for user, size in enumerate(lengths.tolist()):
            rows = []
            for t in range(q.shape[2]):
                seen = t + 1 if self.causal else size
                scores = (q[user, :, t, None] * k[user, :, :seen]).sum(-1, keepdim=True) / math.sqrt(q.shape[3])
                weights = (scores - scores.amax(1, keepdim=True)).exp()
                rows.append((weights * v[user, :, :seen]).sum(1) / weights.sum(1))
            users.append(torch.stack(rows, 1))
        return torch.stack(users)
