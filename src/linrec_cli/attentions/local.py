"""Softmax attention within a sliding window."""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import pad

from linrec_cli.attentions._fused import attention
from linrec_cli.attentions._heads import Heads
from linrec_cli.catalog import Range

FORMS = ("causal", "bidirectional")
BLOCK = 32
"""Least number of positions in a block: smaller products cost more to start than to compute."""

State = tuple[Tensor, Tensor, Tensor]


class Attention(Heads):
    """Mix values by `softmax(Q K^T / sqrt(D)) V` over the positions within `window`.

    The causal form sees the `window` latest positions, itself included; the bidirectional form itself and `window`
    positions on either side. Queries go in blocks of at least `window` positions, each against its own block and the
    one before (and the one after), on torch's fused kernel: no `T x T` matrix is made. As a recurrence a history is a
    ring of the latest `window` keys and values.

    Deviations from the source: no global tokens and no dilation; `window` counts one side, where the source's counts
    both, and is 32 where its pretrained model has 512 in all, as histories are shorter than documents.

    Cost: `O(T W D)` operations and `O(T (W + D))` memory a head, W being `window`; `O(W D)` an event as a recurrence.
    Source: Beltagy et al. 2020 (Longformer), arXiv:2004.05150.
    """

    def __init__(
        self, width: int, heads: int, causal: bool, maxlen: int, window: Annotated[int, Range(1, 65_536)] = 32
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.window = window

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by blocks with the fused kernel; all `[B, H, T, D]`."""
        batch, _, length, _ = q.shape
        size = min(max(self.window, BLOCK), length)
        count = -(-length // size)
        before, after = int(count > 1), int(count > 1 and not self.causal)
        # The blocks of a user count as users: the mask then differs along one axis only and is shared by the heads.
        q, k, v = (
            pad(x, (0, 0, 0, count * size - length)).unflatten(2, (count, size)).transpose(1, 2) for x in (q, k, v)
        )
        keys, values = (around(x, before, after).flatten(0, 1) for x in (k, v))
        start = torch.arange(count, device=q.device)[:, None] * size
        query = start + torch.arange(size, device=q.device)
        key = start + torch.arange(-before * size, (1 + after) * size, device=q.device)
        mask = self.mask(query[:, None, :, None], key[:, None, None], lengths).expand(batch, -1, -1, -1, -1)
        out = attention(q.flatten(0, 1), keys, values, mask.flatten(0, 1))
        return out.unflatten(0, (batch, count)).transpose(1, 2).flatten(2, 3)[:, :, :length]

    def mask(self, query: Tensor, key: Tensor, lengths: Tensor) -> Tensor:
        """Tell which positions `key [M, 1, 1, N]` each of `query [M, 1, S, 1]` sees: `[B or 1, M, 1, S, N]`."""
        back = query - key
        if self.causal:
            return ((key >= 0) & (back >= 0) & (back < self.window))[None]
        real = (key >= 0) & (key < lengths[:, None, None, None, None])
        # A padded query keeps itself, so that its row of the softmax is not empty.
        return (real & (back.abs() <= self.window)) | (back == 0)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one user and one query at a time over the keys that it may see."""
        users = []
        for user, end in enumerate(lengths.tolist()):
            rows = []
            for t in range(q.shape[2]):
                first = max(0, t - self.window + 1 if self.causal else t - self.window)
                last = t + 1 if self.causal else min(end, t + self.window + 1)
                scores = q[user, :, t, None] @ k[user, :, first:last].mT / math.sqrt(q.shape[3])
                rows.append(scores.softmax(-1) @ v[user, :, first:last])
            users.append(torch.cat(rows, 1))
        return torch.stack(users)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: rings of keys and values `[B, H, W, D]` and their lengths."""
        weight = self.outward.weight
        ring = weight.new_zeros(batch, self.heads, self.window, weight.shape[1] // self.heads)
        return ring, ring.clone(), weight.new_zeros(batch, 1, 1, 1, dtype=torch.long)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        q, k, v = self.split(x[:, None])
        keys, values, count = state
        slot = torch.arange(self.window, device=x.device)
        newest = slot[:, None] == count % self.window
        keys, values = torch.where(newest, k, keys), torch.where(newest, v, values)
        mixed = attention(q, keys, values, slot <= count)
        return self.join(mixed, x[:, None])[:, 0], (keys, values, count + 1)


def around(x: Tensor, before: int, after: int) -> Tensor:
    """Put the blocks `before` and `after` each block of `x [B, M, H, S, D]` beside it: `[B, M, H, N, D]`."""
    padded = pad(x, (0, 0, 0, 0, 0, 0, before, after))
    return torch.cat([padded[:, i : i + x.shape[1]] for i in range(before + 1 + after)], 3)
