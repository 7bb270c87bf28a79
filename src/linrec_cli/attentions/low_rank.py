"""LightSANs: attention from items to a few interests that the history is aggregated to."""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from linrec_cli.attentions._heads import Heads
from linrec_cli.catalog import Range

FORMS = ("bidirectional",)


class Attention(Heads):
    """Mix values by `softmax(Q f(K)^T / sqrt(D)) f(V)`, with `f(X) = softmax(X Theta)^T X` over positions.

    `f` aggregates the history to `interests` rows: for each interest a softmax over the positions of what a learned
    column of `Theta [C, interests]` scores, all heads together, one `Theta` for keys and one for values. Padding stands
    outside that softmax. There is no causal form: each interest holds the whole history. 20 interests are the authors'
    for ML-1M at maxlen 200 (they take a tenth of maxlen; here the number is constant, or time would be quadratic).

    Deviations from the source: the softmax from items to interests runs over the interests, as the paper's description
    has it (the released code's runs over the positions); the released code aggregates padding too; the decoupled
    position encoding is left to the model, since it is a second, quadratic, attention over positions.

    Cost: `O(T K D)` operations and `O(T (K + D))` memory a head, K being `interests`.
    Source: Fan et al. 2021 (LightSANs, SIGIR), doi:10.1145/3404835.3462978.
    """

    def __init__(
        self, width: int, heads: int, causal: bool, maxlen: int, interests: Annotated[int, Range(1, 4096)] = 20
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.thetas = nn.ParameterList(torch.randn(width, interests) for _ in range(2))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`."""
        padding = torch.arange(k.shape[2], device=k.device) >= lengths[:, None, None]
        keys, values = (aggregate(theta, x, padding) for theta, x in zip(self.thetas, (k, v), strict=True))
        # With so few keys a fused kernel saves little memory, and torch's on CPU takes the exponential less exactly.
        return (q @ (keys / math.sqrt(q.shape[3])).mT).softmax(-1) @ values

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one user and one interest at a time."""
        users = []
        for user, size in enumerate(lengths.tolist()):
            rows: list[list[Tensor]] = [[], []]
            for x, theta, row in zip((k, v), self.thetas, rows, strict=True):
                x = x[user, :, :size]
                for column in theta.to(x.dtype).unbind(1):
                    scores = (x * column.unflatten(0, (q.shape[1], 1, -1))).sum((0, 2))
                    row.append((scores.softmax(0)[:, None] * x).sum(1))
            keys, values = (torch.stack(row, 1) for row in rows)
            users.append((q[user] @ keys.mT / math.sqrt(q.shape[3])).softmax(-1) @ values)
        return torch.stack(users)


def aggregate(theta: Tensor, x: Tensor, padding: Tensor) -> Tensor:
    """Aggregate `x [B, H, T, D]`, where `padding [B, 1, T]` is not set, to interests `[B, H, K, D]`."""
    # All heads side by side, so that one product scores and one aggregates.
    flat = x.transpose(1, 2).flatten(2)
    scores = theta.to(x.dtype).mT @ flat.mT
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    # Over the last axis: over another torch's softmax is less exact on CPU.
    weights = scores.masked_fill(padding, -math.inf).softmax(-1).to(x.dtype)
    return (weights @ flat).unflatten(2, (x.shape[1], -1)).transpose(1, 2)
